using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>What a back-test has found so far.</summary>
internal sealed class BackTestTally(RuleSet set, int samples)
{
    private const int MostNodes = 1_000;
    private const int MostGroups = 200_000;
    private const int SamplesOfNode = 3;

    /// <summary>Matching rows that are remembered: what comes again is not counted again.</summary>
    private const int MostSeen = 200_000;

    /// <summary>Rows that all groups remember together: some 100 MB.</summary>
    private const int MostRowsOfAll = 2_000_000;

    private readonly RecalledMemory _memory = new();
    private readonly Dictionary<DateOnly, long> _days = [];
    private readonly Dictionary<DateOnly, long> _alertDays = [];
    private readonly Dictionary<NodeId, long> _nodes = [];
    private readonly Dictionary<string, BackTestGroup> _groups = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Hit>> _gone = new(StringComparer.Ordinal);
    private readonly Dictionary<NodeId, Queue<BackTestSample>> _samples = [];
    private readonly BackTestRoom _room = new(MostRowsOfAll);
    private readonly RecentRows _seen = new(MostSeen, new(MostSeen));
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

    private void End(BackTestGroup group, Finding finding)
    {
        if (_gone.GetValueOrDefault(finding.Group)?.Where(one => finding.Live.Any(one.Ends)).ToList() is { Count: > 0 } gone) group.End(gone);
    }
}
