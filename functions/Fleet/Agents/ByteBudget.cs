using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>How many bytes of bodies may be in memory at once: buffers, what was inflated, and the copies that storing it takes. They count as they arrive.</summary>
/// <remarks>Small bodies may use all of it, and large ones three quarters. Those whose sender is not known yet may use a quarter, one of them half of that, and a second quarter is for the small of them:
/// an honest agent's key comes in its first bytes. Neither a stranger nor a machine that floods takes the room of others.</remarks>
internal sealed class ByteBudget(long most)
{
    /// <summary>An agent's usual post is smaller.</summary>
    private const int SmallBytes = 1 << 20;

    /// <summary>What it takes to find a key that comes first, in a compressed body too.</summary>
    private const int FirstBytes = 96 << 10;

    private readonly long _most = most;
    private long _taken;
    private long _strangers;

    /// <summary>What one body may have: with the copy that storing it takes, all that large ones may have.</summary>
    public int MostForOne { get; } = (int)Math.Min(int.MaxValue / 2, most * 3 / 8);

    /// <summary>The smaller of a setting and a tenth of the machine's or the container's memory: a quarter of what the garbage collector may have, which is 40 % of it.</summary>
    public static long Fitting(long setting) => Math.Min(setting, Math.Max(64 << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4));

    /// <summary>What one request has taken; given back when it is disposed of.</summary>
    public sealed class Share(ByteBudget budget) : IDisposable
    {
        private long _taken;

        /// <summary>Whether the sender is known by a key that this server signed, or by a certificate.</summary>
        public bool IsKnown { get; private set; }

        public void MakeKnown()
        {
            if (IsKnown) return;
            IsKnown = true;
            Interlocked.Add(ref budget._strangers, -_taken);
        }

        /// <exception cref="SpentException">There is no room for so many bytes now.</exception>
        /// <exception cref="TooLargeException">It is too much for one whose sender is not known.</exception>
        public void Take(long bytes)
        {
            _taken += bytes;
            var all = Interlocked.Add(ref budget._taken, bytes);
            var strangers = IsKnown ? 0 : Interlocked.Add(ref budget._strangers, bytes);
            var mostOfStranger = Math.Max(FirstBytes, budget._most / 8);
            if (!IsKnown && _taken > mostOfStranger) throw new TooLargeException("a body whose node key comes late", mostOfStranger);
            if (all > (_taken > SmallBytes ? budget._most / 4 * 3 : budget._most) || strangers > budget._most / (_taken > FirstBytes ? 4 : 2)) throw new SpentException();
        }

        public void Release(long bytes)
        {
            _taken -= bytes;
            Interlocked.Add(ref budget._taken, -bytes);
            if (!IsKnown) Interlocked.Add(ref budget._strangers, -bytes);
        }

        public void Dispose() => Release(_taken);
    }

    /// <summary>Agents are to come back: they keep what they have.</summary>
    public sealed class SpentException : Exception;
}
