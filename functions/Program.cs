using Fleet.Cli;

return await FleetCommand.Build().Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
