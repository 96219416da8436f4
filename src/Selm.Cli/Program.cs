return Selm.Cli.SelmCommandLine.Run(args);
