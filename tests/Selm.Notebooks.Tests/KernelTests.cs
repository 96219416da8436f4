using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Selm.Notebooks.Tests;

public sealed class KernelTests(KernelClient kernel) : IClassFixture<KernelClient>
{
    [Fact]
    public void output_streams_in_order_and_ends_in_the_value()
    {
        var id = kernel.Execute("Console.Write(\"a\"); Console.Error.Write(\"b\"); var d = display(\"c\"); d.Update(HTML(\"<b>\")); clear_output(); 6 * 7");

        Assert.Equal("ok", (string?)kernel.Reply(id).Content["status"]);
        var heard = kernel.Published(id);

        Assert.Equal(["execute_input", "stream", "stream", "display_data", "update_display_data", "clear_output", "execute_result"], heard.Select(one => one.Type));
        Assert.Equal("stdout:a", $"{heard[1].Content["name"]}:{heard[1].Content["text"]}");
        Assert.Equal("stderr:b", $"{heard[2].Content["name"]}:{heard[2].Content["text"]}");
        Assert.Equal((string?)heard[3].Content["transient"]!["display_id"], (string?)heard[4].Content["transient"]!["display_id"]);
        Assert.Equal("<b>", (string?)heard[4].Content["data"]!["text/html"]);
        Assert.Equal("42", (string?)heard[6].Content["data"]!["text/plain"]);
        Assert.True(kernel.HasPulse());
    }

    [Fact]
    public void a_thousand_writes_are_a_few_messages()
    {
        var id = kernel.Execute("for (var i = 0; i < 1000; i++) Console.WriteLine(i);");

        var streams = kernel.Published(id).Where(one => one.Type == "stream").ToList();

        Assert.InRange(streams.Count, 1, 50);
        Assert.Equal(string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i}\n")), string.Concat(streams.Select(one => (string?)one.Content["text"])));
    }

    [Fact]
    public void an_error_aborts_the_cells_that_wait_and_later_ones_run()
    {
        var failing = kernel.Execute("var before = 5;\nSystem.Threading.Thread.Sleep(200);\nthrow new InvalidOperationException(\"no\");");
        var waiting = kernel.Execute("1");

        var reply = kernel.Reply(failing).Content;
        Assert.Equal("error InvalidOperationException no", $"{reply["status"]} {reply["ename"]} {reply["evalue"]}");
        Assert.Contains("line 3", (string?)reply["traceback"]![1], StringComparison.Ordinal);
        Assert.Equal("""{"status":"aborted"}""", kernel.Reply(waiting).Content.ToJsonString());
        Assert.Equal("5", Value("before"));
    }

    [Theory]
    [InlineData("Console.WriteLine(\"started\"); while (true) { }")]
    [InlineData("Console.WriteLine(\"started\"); System.Threading.Thread.Sleep(-1);")]
    [InlineData("Console.WriteLine(\"started\"); await Task.Delay(-1);")]
    [InlineData("Console.WriteLine(\"started\"); while (true) { Console.Write('.'); }")]
    [InlineData("Console.WriteLine(\"started\"); var never = Console.ReadLine();")]
    public void an_interrupt_ends_any_cell_and_the_variables_stay(string code)
    {
        kernel.Reply(kernel.Execute("var kept = 17;"));
        var running = kernel.Execute(code);
        kernel.WaitFor("started");
        Assert.Equal("ok", (string?)kernel.Reply(kernel.Ask("interrupt_request", [], onControl: true), onControl: true).Content["status"]);

        Assert.Equal("Interrupted", (string?)kernel.Reply(running).Content["ename"]);
        Assert.Equal("17", Value("kept"));
    }

    [Fact]
    public void forty_interrupts_amid_writes_leave_a_kernel_that_answers()
    {
        for (var i = 0; i < 40; i++)
        {
            an_interrupt_ends_any_cell_and_the_variables_stay("Console.WriteLine(\"started\"); while (true) { Console.Write('.'); }");
        }
    }

    [Fact]
    public void a_cell_interrupted_while_it_holds_the_consoles_lock_does_not_keep_it()
    {
        var running = kernel.Execute("System.Threading.Monitor.Enter(Console.Out); Console.WriteLine(\"started\"); while (true) { }");
        kernel.WaitFor("started");
        kernel.Reply(kernel.Ask("interrupt_request", [], onControl: true), onControl: true);
        Assert.Equal("Interrupted", (string?)kernel.Reply(running).Content["ename"]);

        var stream = Assert.Single(kernel.Published(kernel.Execute("Console.WriteLine(\"still here\");")), one => one.Type == "stream");
        Assert.Equal("still here\n", (string?)stream.Content["text"]);
    }

    [Fact]
    public void a_cell_reads_what_the_user_types()
    {
        var id = kernel.Execute("Console.Write(\"who? \"); Console.ReadLine() + \"!\"");
        kernel.Type(id, "hello");

        kernel.Reply(id);
        Assert.Equal("hello!", (string?)kernel.Published(id)[^1].Content["data"]!["text/plain"]);
    }

    [Fact]
    public void a_thread_that_throws_is_told_and_the_kernel_lives_on()
    {
        var id = kernel.Execute("var kept = 3;\nvar t = new System.Threading.Thread(() => throw new Exception(\"no\")); t.Start(); t.Join();");

        Assert.Equal("ok", (string?)kernel.Reply(id).Content["status"]);
        var stream = Assert.Single(kernel.Published(id), one => one.Type == "stream").Content;
        Assert.Equal("stderr: A thread that a cell started has ended with Exception: no\n", $"{stream["name"]}: {stream["text"]}");
        Assert.Equal("3", Value("kept"));
    }

    [Fact]
    public void a_value_that_cannot_be_shown_does_not_take_the_variables_with_it()
    {
        var reply = kernel.Reply(kernel.Execute("class Mute { public override string ToString() => throw new Exception(\"mute\"); }\nvar beside = 8;\nnew Mute()")).Content;

        Assert.Equal("error Exception mute", $"{reply["status"]} {reply["ename"]} {reply["evalue"]}");
        Assert.Equal("8", Value("beside"));
    }

    [Fact]
    public void only_cells_of_the_history_are_numbered_and_silent_ones_abort_nobody()
    {
        var count = (int)kernel.Reply(kernel.Execute("1")).Content["execution_count"]!;
        Assert.Equal(count, (int)kernel.Reply(kernel.Execute("2", new() { ["store_history"] = false })).Content["execution_count"]!);

        var silent = kernel.Execute("throw new Exception();", new() { ["silent"] = true });
        var next = kernel.Execute("3");
        Assert.Equal("error", (string?)kernel.Reply(silent).Content["status"]);
        Assert.DoesNotContain("execute_input", kernel.Published(silent).Select(one => one.Type));
        var reply = kernel.Reply(next).Content;
        Assert.Equal(("ok", count + 1), ((string?)reply["status"], (int)reply["execution_count"]!));
    }

    [Fact]
    public void user_expressions_are_evaluated_and_a_wrong_one_says_so()
    {
        var id = kernel.Execute("var u = 4;", new() { ["user_expressions"] = new JsonObject { ["good"] = "u * 2", ["bad"] = "nowhere" } });

        var values = kernel.Reply(id).Content["user_expressions"]!;

        Assert.Equal("8", (string?)values["good"]!["data"]!["text/plain"]);
        Assert.Equal("error", (string?)values["bad"]!["status"]);
    }

    [Theory]
    [InlineData("Console.WriteL", "WriteLine", 8)]
    [InlineData("\"é😀\".Substr", "Substring", 5)]
    [InlineData("var list = new List<int>(); list.OrderByD", "OrderByDescending", 33)]
    [InlineData("System.Text.StringBu", "StringBuilder", 12)]
    [InlineData("foreac", "foreach", 0)]
    public void completion_knows_members_extensions_namespaces_and_keywords(string code, string match, int start)
    {
        var reply = kernel.Reply(kernel.Ask("complete_request", new() { ["code"] = code, ["cursor_pos"] = code.EnumerateRunes().Count() })).Content;

        Assert.Contains(match, reply["matches"]!.AsArray().Select(one => (string?)one));
        Assert.Equal(start, (int)reply["cursor_start"]!);
    }

    [Fact]
    public void completion_and_inspection_see_earlier_cells()
    {
        kernel.Reply(kernel.Execute("double halfOf(double x) => x / 2;"));

        var completion = kernel.Reply(kernel.Ask("complete_request", new() { ["code"] = "halfO", ["cursor_pos"] = 5 })).Content;
        var inspection = kernel.Reply(kernel.Ask("inspect_request", new() { ["code"] = "halfOf", ["cursor_pos"] = 6, ["detail_level"] = 0 })).Content;

        Assert.Equal("halfOf", (string?)Assert.Single(completion["matches"]!.AsArray()));
        Assert.True((bool)inspection["found"]!);
        Assert.Contains("double halfOf(double", (string?)inspection["data"]!["text/plain"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Math.Max(", "byte System.Math.Max(byte val1, byte val2)")]
    [InlineData("\"😀\".Substring(1, ", "string string.Substring(int startIndex, int length)")]
    [InlineData("new List<int>(", ".List<int>.List(int capacity)")]
    [InlineData("Math.Max(1, nowhere", "int System.Math.Max(int val1, int val2)")]
    public void inspection_between_the_brackets_of_a_call_shows_what_is_called(string code, string signature)
    {
        var reply = kernel.Reply(kernel.Ask("inspect_request", new() { ["code"] = code, ["cursor_pos"] = code.EnumerateRunes().Count() })).Content;

        Assert.Contains(signature, (string?)reply["data"]!["text/plain"] ?? "", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1 + 1", "complete")]
    [InlineData("foreach (var i in x) {", "incomplete")]
    [InlineData("int x = = 1;", "invalid")]
    [InlineData("1 ++ ++ )", "invalid")]
    [InlineData("def f(x):", "invalid")]
    [InlineData("var s = \"abc;", "invalid")]
    [InlineData("var s = \"\"\"\nabc\n", "incomplete")]
    [InlineData("try { }", "incomplete")]
    [InlineData("#!markdown\n# title", "complete")]
    public void the_console_knows_when_a_cell_is_complete(string code, string status)
    {
        var reply = kernel.Reply(kernel.Ask("is_complete_request", new() { ["code"] = code })).Content;

        Assert.Equal(status, (string?)reply["status"]);
    }

    [Fact]
    public void history_keeps_the_cells_of_the_session()
    {
        kernel.Reply(kernel.Execute("\"to be remembered\""));

        var reply = kernel.Reply(kernel.Ask("history_request", new() { ["hist_access_type"] = "search", ["pattern"] = "*to be rem*", ["output"] = true })).Content;

        var entry = Assert.Single(reply["history"]!.AsArray());
        Assert.Equal("to be remembered", (string?)entry![2]![1]);
    }

    [Fact]
    public void a_warm_cell_is_quick()
    {
        kernel.Reply(kernel.Execute("var warm = 0;"));
        var times = Enumerable.Range(0, 15).Select(_ =>
        {
            var watch = Stopwatch.StartNew();
            kernel.Reply(kernel.Execute("warm++;"));
            return watch.Elapsed.TotalMilliseconds;
        }).Order().ToList();

        Assert.True(times[0] < 100, $"the quickest of 15 trivial cells took {times[0]:0} ms"); // 20 ms on an idle machine
    }

    [Fact]
    public void a_front_end_that_comes_back_under_its_name_is_heard()
    {
        kernel.ComeBack();

        Assert.Equal("42", Value("6 * 7"));
    }

    [Fact]
    public void shutdown_is_answered_and_ends_the_process()
    {
        using var own = new KernelClient();

        var reply = own.Reply(own.Ask("shutdown_request", new() { ["restart"] = true }, onControl: true), onControl: true);

        Assert.True((bool)reply.Content["restart"]!);
        Assert.True(own.Ends());
    }

    [Fact]
    public void the_kernel_ends_with_its_parent()
    {
        using var folder = new TempNotebooks();
        var file = KernelClient.ConnectionFile(folder.Root, out _);
        var command = $"dotnet '{NotebooksProcess.Program}' kernel '{file}' >/dev/null 2>&1 & echo $!; sleep 2";
        using var parent = Process.Start(new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true })!;
        var pid = int.Parse(parent.StandardOutput.ReadLine()!, System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(Directory.Exists($"/proc/{pid}"));

        parent.WaitForExit();

        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(10)));
    }

    [Theory]
    [InlineData("sleep 0.5;")] // its parent, bash, has ended by then
    [InlineData("JPY_PARENT_PID=999999999")] // the front end that started it
    public void a_kernel_whose_parent_is_gone_at_the_start_ends(string before)
    {
        using var folder = new TempNotebooks();
        var file = KernelClient.ConnectionFile(folder.Root, out _);
        using var parent = Process.Start("bash", ["-c", $"(unset JPY_PARENT_PID; {before} exec dotnet '{NotebooksProcess.Program}' kernel '{file}' >/dev/null 2>'{folder.Root}/err') & echo $! >'{folder.Root}/pid'"])!;
        parent.WaitForExit();

        var pid = folder.Text("pid").Trim();
        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(30)));
        Assert.Equal("Who started this kernel is gone; start it by Jupyter, or by a process that stays.\n", folder.Text("err"));
    }

    [Fact]
    public void a_kernel_started_through_a_process_that_ends_lives_as_long_as_the_front_end()
    {
        using var folder = new TempNotebooks();
        var file = KernelClient.ConnectionFile(folder.Root, out var ports);
        using var frontEnd = Process.Start("sleep", ["600"])!;
        using var between = Process.Start("bash", ["-c", $"(export JPY_PARENT_PID={frontEnd.Id}; sleep 0.5; exec dotnet '{NotebooksProcess.Program}' kernel '{file}' >/dev/null 2>&1) & echo $! >'{folder.Root}/pid'"])!;
        between.WaitForExit();
        var pid = folder.Text("pid").Trim();
        Assert.True(SpinWait.SpinUntil(() => Answers(ports[0]), TimeSpan.FromSeconds(30)), "the kernel does not listen");
        Thread.Sleep(1500); // three looks at the parent
        Assert.True(Directory.Exists($"/proc/{pid}"));

        frontEnd.Kill();
        frontEnd.WaitForExit();

        Assert.True(SpinWait.SpinUntil(() => !Directory.Exists($"/proc/{pid}"), TimeSpan.FromSeconds(10)));

        static bool Answers(int port)
        {
            try
            {
                using var client = new System.Net.Sockets.TcpClient("127.0.0.1", port);
                return true;
            }
            catch (System.Net.Sockets.SocketException)
            {
                Thread.Sleep(100);
                return false;
            }
        }
    }

    [Fact]
    public void a_stack_overflow_is_told_as_the_cells_error_and_the_kernel_starts_anew()
    {
        using var own = new KernelClient();
        own.Reply(own.Execute("var kept = 1;"));

        var id = own.Execute("int F(int n) => F(n + 1) + 1;\nF(0)");

        var reply = own.Reply(id).Content;
        Assert.Equal("error StackOverflow 2", $"{reply["status"]} {reply["ename"]} {reply["execution_count"]}");
        Assert.Equal("cell 2 overflowed the stack; the kernel has started anew, without the variables of earlier cells.", (string?)reply["evalue"]);
        Assert.Equal((string?)reply["evalue"], (string?)Assert.Single(own.Published(id), one => one.Type == "error").Content["evalue"]);
        Assert.Equal("CompilationError", (string?)own.Reply(own.Execute("kept")).Content["ename"]);
        Assert.Equal(4, (int)own.Reply(own.Execute("2")).Content["execution_count"]!);
    }

    [Fact]
    public void install_kernel_writes_a_spec_that_starts_a_copy_of_the_program()
    {
        using var folder = new TempNotebooks();

        var install = NotebooksProcess.Run(folder.Root, "install-kernel", "--prefix", folder.Root);

        Assert.Equal(0, install.Code);
        var spec = JsonNode.Parse(folder.Text("share/jupyter/kernels/.net-csharp/kernel.json"))!;
        Assert.Equal("C# message", $"{spec["language"]} {spec["interrupt_mode"]}");
        Assert.True(File.Exists((string?)spec["argv"]![1]));
    }

    [Fact]
    public void a_file_that_is_no_connection_file_is_refused_in_one_sentence()
    {
        using var folder = new TempNotebooks();
        File.WriteAllText(Path.Combine(folder.Root, "c.json"), "{}");

        var run = NotebooksProcess.Run(folder.Root, "kernel", "c.json");

        Assert.Equal("c.json is no connection file of Jupyter: it needs ip, key and the ports of shell, control, stdin, iopub and hb.\n", run.Error);
        Assert.Equal(2, run.Code);
    }

    [Fact]
    public void a_connection_file_for_another_transport_is_refused_in_one_sentence()
    {
        using var folder = new TempNotebooks();
        File.WriteAllText(Path.Combine(folder.Root, "c.json"), """{"transport": "ipc", "ip": "/tmp/kernel"}""");

        var run = NotebooksProcess.Run(folder.Root, "kernel", "c.json");

        Assert.Equal("c.json asks for the transport ipc, and the kernel speaks tcp; start Jupyter with --KernelManager.transport=tcp.\n", run.Error);
        Assert.Equal(2, run.Code);
    }

    [Fact]
    public void a_second_kernel_at_the_same_ports_is_refused_in_one_sentence()
    {
        using var folder = new TempNotebooks();
        var file = KernelClient.ConnectionFile(folder.Root, out var ports);
        using var other = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, ports[0]);
        other.Start();

        var run = NotebooksProcess.Run(folder.Root, "kernel", file);

        Assert.StartsWith($"the kernel cannot listen at tcp://127.0.0.1:{ports[0]}: ", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("; is another kernel using this connection file?\n", run.Error, StringComparison.Ordinal);
        Assert.Equal(2, run.Code);
    }

    private string? Value(string expression)
    {
        var id = kernel.Execute(expression);
        kernel.Reply(id);
        return (string?)kernel.Published(id).Single(one => one.Type == "execute_result").Content["data"]!["text/plain"];
    }
}
