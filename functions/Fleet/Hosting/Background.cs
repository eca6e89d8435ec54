using Fleet.Kernel;
using Fleet.Bus.Azure;
using Fleet.Bus.Embedded;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;
using Fleet.Upkeep;

namespace Fleet.Hosting;

/// <summary>What a server does by itself: it ticks the chores, and pumps the bus into the subscribers. Behind a Functions host, which does both, only its own memory's chores.</summary>
internal sealed class Background(Settings settings, Chores chores, ChoreBoard board, IServiceProvider services, TimeProvider clock, ILogger<Background> log) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await chores.FlushAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var isAlone = !settings.IsFunctionsApp;
        var every = TimeSpan.FromSeconds(settings.Backends.HasStorage ? 60 : 1);
        var work = chores.All(every).Where(chore => isAlone || chore.OfInstance).Select(chore => TickAsync(chore, stoppingToken)).ToList();
        if (settings.Backends.Vault is null) work.Add(TickAsync(new("installation", TimeSpan.FromMinutes(10), ct => services.GetRequiredService<Installation>().CountAsync(ct)), stoppingToken));
        work.Add(TickAsync(new("certificate", TimeSpan.FromHours(6), WatchCertificateAsync), stoppingToken));
        if (!settings.Backends.HasBus) work.Add(services.GetRequiredService<BusPump>().RunAsync(stoppingToken));
        else if (isAlone) work.Add(services.GetRequiredService<ServiceBusPump>().RunAsync(stoppingToken));
        return Task.WhenAll(work);
    }

    private async ValueTask WatchCertificateAsync(CancellationToken ct)
    {
        var certificate = services.GetRequiredService<OwnCertificate>();
        if (certificate.NotAfter is not { } end || certificate.At(clock.GetUtcNow()) is not (false, var words)) return;
        log.LogWarning("{Words}", words);
        await services.GetRequiredService<BuiltInResults>().RaiseCertificateAsync(end, clock.GetUtcNow(), ct);
    }

    private async Task TickAsync(Chore chore, CancellationToken stop)
    {
        // Memory is empty at first, and a host that waits for its worker's first answer waits for nothing else.
        if (chore.OfInstance) await Task.Delay(chore.Every, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stop.IsCancellationRequested)
        {
            var began = clock.GetTimestamp();
            try
            {
                await chore.RunAsync(stop);
                board.Note(chore.Name, clock.GetElapsedTime(began), fault: null);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                board.Note(chore.Name, clock.GetElapsedTime(began), fault);

                // A chore that fails is done again; the others, and the server, go on.
                log.LogError(fault, "The chore {Chore} failed; it is done again in {Every}", chore.Name, chore.Every);
            }

            await Task.Delay(chore.RestAfter(clock.GetElapsedTime(began)), clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
