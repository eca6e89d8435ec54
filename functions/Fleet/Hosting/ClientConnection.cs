using Microsoft.AspNetCore.Connections;

namespace Fleet.Hosting;

/// <summary>A connection to a client: whether a request is under way on it, and since when it rests.</summary>
internal sealed class ClientConnection(ConnectionContext transport, string address, TimeProvider clock)
{
    private int _requests;
    private long _restsSince = clock.GetTimestamp();

    public string Address { get; } = address;

    /// <summary>Whether a request is being answered: what is written then is our answer.</summary>
    public bool IsAnswering => Volatile.Read(ref _requests) > 0;

    /// <summary>How long nothing was asked.</summary>
    public TimeSpan Rests => IsAnswering ? TimeSpan.Zero : clock.GetElapsedTime(Volatile.Read(ref _restsSince));

    public void Begin() => Interlocked.Increment(ref _requests);

    public void End()
    {
        Volatile.Write(ref _restsSince, clock.GetTimestamp());
        Interlocked.Decrement(ref _requests);
    }

    /// <summary>Closes it at once, without a word.</summary>
    public void Abort(string reason) => transport.Abort(new ConnectionAbortedException(reason));
}
