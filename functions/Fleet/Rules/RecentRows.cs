using Fleet.Alerts;

namespace Fleet.Rules;

/// <summary>Rows, of which the newest are remembered.</summary>
internal sealed class RecentRows(int most, BackTestRoom room)
{
    private readonly HashSet<ulong> _known = [];
    private readonly Queue<ulong> _order = [];

    public void Clear()
    {
        while (_order.TryDequeue(out _)) room.Leave();
        _known.Clear();
    }

    /// <summary>False if it is remembered.</summary>
    public bool Add(string row)
    {
        var one = Hit.Of(row, default).Row;
        if (_known.Contains(one)) return false;
        if (_order.Count == most)
        {
            _known.Remove(_order.Dequeue());
            room.Leave();
        }

        if (!room.TryTake()) return true;
        _known.Add(one);
        _order.Enqueue(one);
        return true;
    }
}
