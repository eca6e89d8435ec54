using System.CommandLine;
using System.CommandLine.Invocation;
using Fleet.Cli;
using Fleet.Kernel;

var parsed = FleetCommand.Build().Parse(args);

// Here and not where the server is built: nothing in this process may have spoken TLS before.
if (parsed.CommandResult.Command is RootCommand or { Name: "serve" or "demo" }) TlsSuites.TryMakeDefault();

// A slip is told in a line, and not drowned in the whole help, which would go to standard output.
if (parsed.Action is ParseErrorAction slip) slip.ShowHelp = false;
return await parsed.InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(20) });
