using System.Collections.Concurrent;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Rules;

/// <summary>Which values of a column a rule has seen. Tables: <see cref="Schema.FirstSeen"/>, a month each: what did not come for two months is new again.</summary>
/// <remarks>A value belongs to the line that came first with it: of the same line, however often it is judged, it stays new. What is known to be old is
/// remembered, so a value that comes again costs nothing; a new one costs two or three reads and a write.</remarks>
internal sealed class FirstSeen(ITables tables, TimeProvider clock)
{
    private const int MostRemembered = 200_000;
    private const int Months = 2;

    private readonly ConcurrentDictionary<string, string> _remembered = new(StringComparer.Ordinal);

    /// <summary>Whether this line is the first with the value; it is, from now on, if nobody was before.</summary>
    /// <param name="rule">Rules do not share what they have seen: each has its own lines.</param>
    /// <param name="condition">The condition that asks: of one node, or of the fleet.</param>
    /// <param name="value">The column's value.</param>
    /// <param name="query">The query that it comes from.</param>
    /// <param name="node">The node that it comes from.</param>
    /// <param name="line">The line: the same text whenever it is judged.</param>
    /// <param name="ct">Stops before the write.</param>
    public async ValueTask<bool> IsFirstAsync(string rule, Condition condition, string value, string query, NodeId node, string line, CancellationToken ct)
    {
        var what = Of(rule, condition, value, query, node);

        // With the month: in each the tables are asked once, so that what still comes is carried along.
        var known = TimeKey.Month(clock.GetUtcNow()) + what;
        if (_remembered.TryGetValue(known, out var owner)) return owner == line;
        owner = await OwnerAsync(what, line, ct);

        // Nothing is lost with what is forgotten.
        if (_remembered.Count >= MostRemembered) _remembered.Clear();
        _remembered[known] = owner;
        return owner == line;
    }

    /// <summary>One name for what must be new.</summary>
    public static string Of(string rule, Condition condition, string value, string query, NodeId node) =>
        Digest.Of(rule, query, condition.Field.ToString(), condition.Name, condition.Operand.Text == Operators.OnNode ? node.ToString() : "", value);

    private async ValueTask<string> OwnerAsync(string what, string line, CancellationToken ct)
    {
        var key = new Key(what[..2], what);
        var now = clock.GetUtcNow();
        string? owner = null;
        for (var month = 0; month <= Months && owner is null; month++)
        {
            owner = (await tables[Schema.FirstSeen(now.AddMonths(-month))].FindAsync(key, ct))?.Columns.Text("Line");
            if (owner is not null && month == 0) return owner;
        }

        try
        {
            // What was seen in an earlier month is carried along.
            await tables[Schema.FirstSeen(now)].WriteAsync(Write.Insert(key, new Columns { ["Line"] = owner ?? line }), ct);
            return owner ?? line;
        }
        catch (ConflictException)
        {
            return (await tables[Schema.FirstSeen(now)].FindAsync(key, ct))?.Columns.Text("Line") ?? line;
        }
    }
}
