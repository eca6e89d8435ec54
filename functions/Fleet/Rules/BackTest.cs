using System.Runtime.CompilerServices;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>How far a back-test is.</summary>
/// <param name="Through">Everything before is judged.</param>
/// <param name="Lines">Lines of the batches that were read; those of other queries are passed over in them.</param>
internal sealed record BackTestProgress(DateTimeOffset Through, long Batches, long Lines, long Matches, long Alerts);

/// <summary>What a rule would have found.</summary>
/// <param name="Days">Matches by day, in UTC.</param>
/// <param name="Nodes">Matches by node, the most first.</param>
/// <param name="NodesMatched">How many nodes there are in all.</param>
/// <param name="Samples">The newest matching rows, a few of each node.</param>
/// <param name="AlertDays">Alerts by day, after grouping.</param>
/// <param name="IsTruncated">There were more values than could be remembered: <c>first_seen</c> found too little.</param>
internal sealed record BackTestResult(
    BackTestProgress Total, IReadOnlyDictionary<DateOnly, long> Days, IReadOnlyDictionary<NodeId, long> Nodes, int NodesMatched, IReadOnlyList<BackTestSample> Samples,
    IReadOnlyDictionary<DateOnly, long> AlertDays, bool IsTruncated);

/// <param name="Line">The row, as an alert would keep it.</param>
internal sealed record BackTestSample(NodeId Node, DateTimeOffset At, string Line);

/// <summary>Judges stored lines once more: the same judge, the same findings and the same groups as when lines come, in the order of their time.</summary>
/// <remarks>Tags and platform are the node's of today. Batches are read and judged several at once; findings are made one after another. Memory: the pointers of
/// one hour, and what the rule has to remember.</remarks>
internal sealed class BackTest(ResultIndex index, BatchStore batches, NodeDirectory directory)
{
    private const int AtOnce = 4;

    /// <summary>Runs, and says every hour of lines how far it is; the last one has the result.</summary>
    /// <param name="rule">A rule about lines; whether it is enabled does not matter.</param>
    /// <param name="root">Its tree.</param>
    /// <param name="from">From here on lines count.</param>
    /// <param name="to">Until here, exclusively.</param>
    /// <param name="samples">How many rows to show.</param>
    /// <param name="ct">Stops it.</param>
    public async IAsyncEnumerable<(BackTestProgress Progress, BackTestResult? Result)> RunAsync(
        Rule rule, RuleNode root, DateTimeOffset from, DateTimeOffset to, int samples, [EnumeratorCancellation] CancellationToken ct)
    {
        // While it learns, it learns from the beginning of the range.
        rule = rule with { CreatedAt = from };
        var set = new RuleSet([(rule, root)]);
        var tally = new BackTestTally(set, samples);
        for (var hour = TimeKey.Hour(from); hour < to; hour = hour.AddHours(1))
        {
            var pointers = await PointersAsync(set.Names ?? [ResultIndex.All], hour, ct);
            await foreach (var (batch, matches, node) in JudgedAsync(set, pointers, ct))
            {
                // Batches of several hours have a pointer in each; lines count in their own.
                var own = matches.Where(match => ResultIndex.HourOf(batch.Key, match.Row.Time) == hour && match.Row.Time >= from && match.Row.Time < to).ToList();
                await tally.AddAsync(batch, own, node, isWhole: ResultIndex.HourOf(batch.Key, batch.Key.Time) == hour, ct);
            }

            var through = hour.AddHours(1) < to ? hour.AddHours(1) : to;
            yield return (tally.Progress(through), through == to ? tally.Result(to) : null);
        }
    }

    /// <summary>The batches that hold lines of an hour, the oldest first.</summary>
    private async ValueTask<List<BatchKey>> PointersAsync(IEnumerable<string> queries, DateTimeOffset hour, CancellationToken ct)
    {
        var found = new HashSet<BatchKey>();
        foreach (var query in queries)
        {
            await foreach (var page in index.PagesAsync(query, hour, hour, after: null, ct)) found.UnionWith(page.Pointers.Where(pointer => pointer.Hour == hour).Select(pointer => pointer.Batch));
        }

        return [.. found.OrderBy(key => key.Time).ThenBy(key => key.Row, StringComparer.Ordinal).ThenBy(key => key.Node.Value)];
    }

    /// <summary>Reads and judges several batches at once, and gives them in their order.</summary>
    private async IAsyncEnumerable<(Batch Batch, IReadOnlyList<Match> Matches, NodeFacts Node)> JudgedAsync(RuleSet set, List<BatchKey> pointers, [EnumeratorCancellation] CancellationToken ct)
    {
        var judges = new System.Collections.Concurrent.ConcurrentBag<Judge>();
        var running = new Queue<Task<(Batch, IReadOnlyList<Match>, NodeFacts)?>>();
        var next = 0;
        try
        {
            while (next < pointers.Count || running.Count > 0)
            {
                while (running.Count < AtOnce && next < pointers.Count)
                {
                    var key = pointers[next++];
                    running.Enqueue(Task.Run(() => JudgeAsync(key), ct));
                }

                if (await running.Dequeue() is var (batch, matches, node)) yield return (batch, matches, node);
            }
        }
        finally
        {
            // Nobody waits for the others any more; what is wrong with them is wrong with this one too.
            await ((Task)Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<(Batch, IReadOnlyList<Match>, NodeFacts)?> JudgeAsync(BatchKey key)
        {
            if (await batches.ShowAsync(key, ct) is not { } batch) return null;
            var node = NodeFacts.Of(key.Node, await directory.FindAsync(key.Node, ct));
            if (!judges.TryTake(out var judge)) judge = set.NewJudge();
            var matches = judge.Matches(batch.Lines, key.Time, node);
            judges.Add(judge);
            return (batch, matches, node);
        }
    }
}
