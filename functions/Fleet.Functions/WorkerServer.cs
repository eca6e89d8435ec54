using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace Fleet.Functions;

/// <summary>Stands where Kestrel would: the requests of Fleet's server are those that functions hand over.</summary>
internal sealed class WorkerServer : IServer
{
    private Func<IFeatureCollection, Task>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    /// <summary>Answers a request whose connection has these features.</summary>
    public Task ProcessAsync(IFeatureCollection features) => (_process ?? throw new InvalidOperationException("The server has not started."))(features);

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        _process = async features =>
        {
            // A collection of its own: the worker's holds the worker's context, which must outlive this one.
            var context = application.CreateContext(new FeatureCollection(features));
            Exception? fault = null;
            try
            {
                await application.ProcessRequestAsync(context);
            }
            catch (Exception thrown)
            {
                fault = thrown;
                throw;
            }
            finally
            {
                application.DisposeContext(context, fault);
            }
        };
        return Task.CompletedTask;
    }

    /// <summary>The worker waits for what the host has it do; there is nothing beside.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
    }
}
