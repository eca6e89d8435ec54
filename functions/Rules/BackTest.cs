using System.Runtime.CompilerServices;
using Fleet.Alerts;
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
    private const int MostNodes = 1_000;
    private const int MostGroups = 200_000;
    private const int SamplesOfNode = 3;

    /// <summary>Rows that a group, and the count of matches, remember: what comes again is not counted again.</summary>
    private const int MostRows = 2_000;

    /// <summary>Rows that all groups remember together: some 100 MB.</summary>
    private const int MostRowsOfAll = 2_000_000;

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
        var tally = new Tally(set, samples);
        for (var hour = new DateTimeOffset(from.UtcTicks - (from.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero); hour < to; hour = hour.AddHours(1))
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
            if (await batches.FindAsync(key, ct) is not { } batch) return null;
            var node = NodeFacts.Of(key.Node, await directory.FindAsync(key.Node, ct));
            if (!judges.TryTake(out var judge)) judge = set.NewJudge();
            var matches = judge.Matches(batch.Lines, key.Time, node);
            judges.Add(judge);
            return (batch, matches, node);
        }
    }

    /// <summary>What all groups together may remember.</summary>
    private sealed class Room(int most)
    {
        private int _taken;

        /// <summary>There was more than is remembered.</summary>
        public bool IsFull { get; private set; }

        public bool TryTake()
        {
            if (_taken < most)
            {
                _taken++;
                return true;
            }

            IsFull = true;
            return false;
        }

        public void Leave() => _taken--;
    }

    /// <summary>Rows, of which the newest are remembered.</summary>
    private sealed class Recent(int most, Room room)
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

    /// <summary>A group's newest alert.</summary>
    /// <param name="firstAt">When its first row came.</param>
    /// <param name="room">Where it remembers.</param>
    /// <param name="follows">The group's alert before, whose rows may be there still.</param>
    private sealed class Group(DateTimeOffset firstAt, Room room, Group? follows)
    {
        private readonly Group? _follows = follows;
        private byte[] _live = [];

        public DateTimeOffset FirstAt { get; } = firstAt;

        public bool IsResolved { get; set; }

        public Recent Rows { get; } = new(MostRows, room);

        public void Add(Finding finding, IEnumerable<string> rows)
        {
            var news = rows.ToHashSet(StringComparer.Ordinal);
            _live = LiveRows.With(_live, [.. finding.Live.Where((_, i) => news.Contains(finding.Rows[i]))]);
        }

        /// <returns>Those that neither it nor one before it had.</returns>
        public List<Hit> End(IReadOnlyList<Hit> gone)
        {
            var unknown = gone.ToList();
            var group = this;
            for (var step = 0; group is not null && step < AlertLife.MostFollowed; step++)
            {
                unknown = LiveRows.Unknown(group._live, unknown);
                group._live = LiveRows.Without(group._live, gone);
                if (group._live.Length == 0) group.IsResolved = true;
                group = group._follows;
            }

            return unknown;
        }
    }

    /// <summary>What has been found so far.</summary>
    private sealed class Tally(RuleSet set, int samples)
    {
        private readonly RecalledMemory _memory = new();
        private readonly Dictionary<DateOnly, long> _days = [];
        private readonly Dictionary<DateOnly, long> _alertDays = [];
        private readonly Dictionary<NodeId, long> _nodes = [];
        private readonly Dictionary<string, Group> _groups = new(StringComparer.Ordinal);
        private readonly Dictionary<string, List<Hit>> _gone = new(StringComparer.Ordinal);
        private readonly Dictionary<NodeId, Queue<BackTestSample>> _samples = [];
        private readonly Room _room = new(MostRowsOfAll);
        private readonly Recent _seen = new(100 * MostRows, new(100 * MostRows));
        private long _batches;
        private long _lines;
        private long _matches;
        private long _alerts;

        public async ValueTask AddAsync(Batch batch, List<Match> matches, NodeFacts node, bool isWhole, CancellationToken ct)
        {
            if (isWhole) (_batches, _lines) = (_batches + 1, _lines + batch.Count);
            var assessor = new Assessor(_memory);
            var confirmed = await assessor.ConfirmAsync(set, batch, matches, node, ct);
            if (confirmed.Count == 0) return;
            foreach (var one in confirmed.Where(one => !one.Match.IsEnd && _seen.Add(one.Row))) Count(one, node);
            foreach (var finding in await assessor.FindAsync(confirmed, batch.Key.ToString(), node, ct)) Place(finding, batch.ReceivedAt);
        }

        public BackTestProgress Progress(DateTimeOffset through) => new(through, _batches, _lines, _matches, _alerts);

        public BackTestResult Result(DateTimeOffset to) => new(
            Progress(to), _days, _nodes.OrderByDescending(node => node.Value).Take(MostNodes).ToDictionary(), _nodes.Count,
            [.. _samples.Values.SelectMany(rows => rows).OrderByDescending(row => row.At).Take(samples)], _alertDays, _memory.IsFull || _room.IsFull || _groups.Count >= MostGroups);

        private void Count(Confirmed one, NodeFacts node)
        {
            _matches++;
            var time = one.Match.Row.Time;
            var day = DateOnly.FromDateTime(time.UtcDateTime);
            _days[day] = _days.GetValueOrDefault(day) + 1;
            _nodes[node.Id] = _nodes.GetValueOrDefault(node.Id) + 1;
            if (samples == 0 || (_samples.Count >= samples && !_samples.ContainsKey(node.Id))) return;
            if (!_samples.TryGetValue(node.Id, out var rows)) _samples[node.Id] = rows = [];
            if (rows.Count == SamplesOfNode) rows.Dequeue();
            rows.Enqueue(new(node.Id, time, one.Line));
        }

        /// <summary>What <see cref="AlertLife"/> does with a finding, without an alert.</summary>
        private void Place(Finding finding, DateTimeOffset at)
        {
            var group = _groups.GetValueOrDefault(finding.Group);
            if (finding.IsEnd)
            {
                Note(finding.Group, group is null ? finding.Live : group.End(finding.Live));
                return;
            }

            var news = finding.Rows.Where(row => group is null || group.Rows.Add(row)).ToList();
            if (news.Count == 0) return;
            if (group is not null && finding.IsTracked && AlertGroups.FateOf(group.FirstAt, group.IsResolved, at, finding.Window) != GroupFate.New)
            {
                group.IsResolved = false;
                group.Add(finding, news);
                End(group, finding);
                return;
            }

            _alerts++;
            var day = DateOnly.FromDateTime(at.UtcDateTime);
            _alertDays[day] = _alertDays.GetValueOrDefault(day) + 1;
            if (group is null && _groups.Count >= MostGroups) return;
            group?.Rows.Clear();
            _groups[finding.Group] = group = new(at, _room, finding.Live.Count > 0 ? group : null);
            foreach (var row in finding.Rows) group.Rows.Add(row);
            group.Add(finding, finding.Rows);
            End(group, finding);
        }

        /// <summary>Rows that are gone and that no alert had.</summary>
        private void Note(string group, IReadOnlyList<Hit> gone)
        {
            if (gone.Count == 0) return;
            if (!_gone.TryGetValue(group, out var known)) _gone[group] = known = [];
            foreach (var one in gone.Where(one => !known.Contains(one)))
            {
                if (_room.TryTake()) known.Add(one);
            }
        }

        private void End(Group group, Finding finding)
        {
            if (_gone.GetValueOrDefault(finding.Group)?.Where(one => finding.Live.Any(one.Ends)).ToList() is { Count: > 0 } gone) group.End(gone);
        }
    }
}
