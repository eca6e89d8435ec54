using Fleet.Functions;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Azure.Functions.Worker.Builder;

// What Azure runs: the same server as the program's, which gets its requests, messages and timers from the Functions host.
var worker = FunctionsApplication.CreateBuilder(args);
worker.ConfigureFunctionsWebApplication();

// Each line of the worker's own would go to the host; Fleet's go to the console, which the host reads.
worker.Logging.AddFilter("Microsoft", LogLevel.Warning);
worker.Services.Configure<KestrelServerOptions>(kestrel =>
{
    kestrel.AddServerHeader = false;

    // Agents' bodies have a limit of their own, which answers in JSON; Kestrel's answers with nothing, which agents take for success.
    kestrel.Limits.MaxRequestBodySize = null;

    // More than the host takes, and adds.
    kestrel.Limits.MaxRequestHeadersTotalSize = 128 << 10;
    kestrel.Limits.MaxRequestHeaderCount = 400;
});
worker.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(20));
worker.Services.AddSingleton<FleetApp>().AddSingleton<IStartupFilter, NeverEmpty>();
StartOrder.Arrange(worker.Services);
await worker.Build().RunAsync();
