namespace Fleet.Hosting;

/// <summary>Leaves signals to the worker around this server, which stops it when the host has nothing more for it.</summary>
internal sealed class WorkerLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
