using Fleet.Bus.Embedded;
using Fleet.Upkeep;

namespace Fleet.Hosting;

/// <summary>What a server on one machine does by itself: it pumps the bus into the subscribers, and ticks the chores.</summary>
internal sealed class Background(BusPump pump, Chores chores, TimeProvider clock, ILogger<Background> log) : BackgroundService
{
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await chores.FlushAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(chores.All(TimeSpan.FromSeconds(1)).Select(chore => TickAsync(chore, stoppingToken)).Prepend(pump.RunAsync(stoppingToken)));

    private async Task TickAsync(Chore chore, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var began = clock.GetTimestamp();
            try
            {
                await chore.RunAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                // A chore that fails is done again; the others, and the server, go on.
                log.LogError(fault, "The chore {Chore} failed; it is done again in {Every}", chore.Name, chore.Every);
            }

            // A chore never takes more than half of the time, so that agents come first.
            var took = clock.GetElapsedTime(began);
            await Task.Delay(took > chore.Every ? took : chore.Every, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
