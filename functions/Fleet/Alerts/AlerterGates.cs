using System.Runtime.CompilerServices;
using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Keeps an alerter that is slow or down from holding up the others: it is told of few alerts at once, and while it fails of one, as often as the back-off says.
/// Of this instance; an alerter that is set up anew begins anew.</summary>
internal sealed class AlerterGates(Limits limits, TimeProvider clock)
{
    private const int AtOnce = 8;

    /// <summary>How long a message may stand in the way of others'.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private readonly ConditionalWeakTable<IAlerter, Gate> _gates = [];

    /// <summary>Delivers, if it is not known that it would be of no use.</summary>
    /// <returns>What came of it; not tried, it says when to come again.</returns>
    public async ValueTask<(Delivery Result, bool IsTried)> TryAsync(IAlerter alerter, Notice notice, CancellationToken ct)
    {
        var gate = _gates.GetValue(alerter, _ => new());
        if (!await gate.Room.WaitAsync(s_patience, ct)) return (new Delivery.RetryAfter(s_patience, "it is being told of other alerts"), false);
        try
        {
            var began = clock.GetUtcNow();
            if (gate.TryEnter(began, limits.AlerterTimeout) is { } wait) return (new Delivery.RetryAfter(wait, gate.Reason), false);
            try
            {
                var result = await Delivery.OfAsync(alerter, notice, limits, ct);
                return (gate.Note(result, began, clock.GetUtcNow(), limits), true);
            }
            finally
            {
                gate.Leave();
            }
        }
        finally
        {
            gate.Room.Release();
        }
    }

    private sealed class Gate
    {
        private readonly Lock _turn = new();
        private int _failures;
        private DateTimeOffset _failedAt;
        private DateTimeOffset _closedUntil;
        private bool _isProbed;

        public SemaphoreSlim Room { get; } = new(AtOnce);

        public string Reason { get; private set; } = "";

        /// <returns>Null to go ahead; else when to come again.</returns>
        public TimeSpan? TryEnter(DateTimeOffset now, TimeSpan most)
        {
            lock (_turn)
            {
                if (_failures == 0) return null;
                if (_closedUntil > now) return _closedUntil - now;
                if (_isProbed) return most;
                _isProbed = true;
                return null;
            }
        }

        public void Leave()
        {
            lock (_turn) _isProbed = false;
        }

        public Delivery Note(Delivery result, DateTimeOffset began, DateTimeOffset now, Limits limits)
        {
            lock (_turn)
            {
                if (result is not Delivery.RetryAfter retry)
                {
                    _failures = 0;
                    return result;
                }

                // Those that were under way together failed once.
                if (_failures == 0 || began >= _failedAt)
                {
                    _failures++;
                    _failedAt = now;
                    _closedUntil = now + (retry.Wait ?? limits.BackOff(_failures));
                    Reason = retry.Reason;
                }

                return retry with { Wait = _closedUntil > now ? _closedUntil - now : TimeSpan.Zero };
            }
        }
    }
}
