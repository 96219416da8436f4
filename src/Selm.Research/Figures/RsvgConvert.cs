using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Selm.Research.Runs;

namespace Selm.Research.Figures;

/// <summary>PNG and PDF of a figure through the program rsvg-convert, where it is installed (Debian: librsvg2-bin).</summary>
public static class RsvgConvert
{
    /// <summary>Writes a figure as PNG.</summary>
    /// <param name="svg">From <see cref="SvgWriter.Write"/>.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="width">In pixels.</param>
    /// <param name="message">Empty on success, else one sentence: what is missing and how to get it.</param>
    /// <returns>Whether the file was written.</returns>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static bool TryPng(string svg, string path, int width, out string message) =>
        TryConvert(svg, path, ["--format=png", $"--width={width.ToString(CultureInfo.InvariantCulture)}", "--keep-aspect-ratio"], "rsvg-convert", out message);

    /// <summary>Writes a figure as PDF.</summary>
    /// <param name="svg">From <see cref="SvgWriter.Write"/>.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="message">Empty on success, else one sentence: what is missing and how to get it.</param>
    /// <returns>Whether the file was written.</returns>
    /// <exception cref="InputException">The file cannot be written.</exception>
    public static bool TryPdf(string svg, string path, out string message) => TryConvert(svg, path, ["--format=pdf"], "rsvg-convert", out message);

    /// <summary>Runs a converter that reads SVG and writes the picture to its standard output.</summary>
    internal static bool TryConvert(string svg, string path, string[] arguments, string program, out string message)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                // A time in the PDF would make every copy differ.
                Environment = { ["SOURCE_DATE_EPOCH"] = "0" },
            })!;
        }
        catch (Win32Exception)
        {
            message = $"{path} was not written: the program {program} is not installed; install Debian's package librsvg2-bin, or use the SVG.";
            return false;
        }
        using (process)
        {
            var complaint = process.StandardError.ReadToEndAsync();
            using var picture = new MemoryStream();
            var copied = process.StandardOutput.BaseStream.CopyToAsync(picture);
            try
            {
                process.StandardInput.BaseStream.Write(Encoding.UTF8.GetBytes(svg));
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It stopped reading; why is in its own words below.
            }
            copied.Wait();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                message = $"{path} was not written: {program} said '{complaint.Result.Trim()}'; check the SVG.";
                return false;
            }
            AtomicFile.Write(path, stream => stream.Write(picture.ToArray()));
        }
        message = "";
        return true;
    }
}
