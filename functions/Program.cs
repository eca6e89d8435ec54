using System.CommandLine.Invocation;
using Fleet.Cli;

var parsed = FleetCommand.Build().Parse(args);

// A slip is told in a line, and not drowned in the whole help, which would go to standard output.
if (parsed.Action is ParseErrorAction slip) slip.ShowHelp = false;
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
