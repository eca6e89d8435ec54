using Fleet.Bus;

namespace Fleet.Shared;

/// <summary>Counts what is sent, and sends nothing.</summary>
internal sealed class CountingBus : IBus
{
    private int _sends;

    public int Sends => _sends;

    public ValueTask PublishAsync(string address, string body, string lane, CancellationToken ct)
    {
        Interlocked.Increment(ref _sends);
        return ValueTask.CompletedTask;
    }
}
