namespace Fleet.Agents;

/// <summary>How many bytes of bodies may be in memory at once. They count as they arrive, so that slow senders hold only what they sent.</summary>
internal sealed class ByteBudget(long most)
{
    private readonly long _most = most;
    private long _taken;

    /// <summary>What one request has taken; given back when it is disposed of.</summary>
    public sealed class Share(ByteBudget budget) : IDisposable
    {
        private long _taken;

        /// <exception cref="SpentException">There is no room for so many bytes now.</exception>
        public void Take(int bytes)
        {
            _taken += bytes;
            if (Interlocked.Add(ref budget._taken, bytes) > budget._most) throw new SpentException();
        }

        public void Dispose() => Interlocked.Add(ref budget._taken, -_taken);
    }

    /// <summary>Agents are to come back: they keep what they have.</summary>
    public sealed class SpentException : Exception;
}
