using System.Globalization;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Storage;

namespace Fleet.Upkeep;

/// <summary>Judges rules about what does not come. Each absence is told once, by an alert that follows from the rule, the node and the last thing that came, so that
/// instances and restarts tell the same; and is resolved when it ends.</summary>
/// <remarks>While nobody looked nobody could be heard: after a pause machines get time to come back. Table: <see cref="Schema.Absences"/>, a row for each absence that lasts.</remarks>
internal sealed class AbsenceRules(
    ITables tables, RuleStore rules, NodeCatalog catalog, ConfigItems config, ReportStore reports, AlertLife alerts, ChangeFeed changes, UpkeepMemory memory, TimeProvider clock)
{
    private const string Name = "absence-rules";
    private const string Fleet = "fleet";
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_grace = TimeSpan.FromMinutes(10);

    private readonly ITable _absences = tables[Schema.Absences];

    public async ValueTask RunAsync(CancellationToken ct)
    {
        await changes.LookAsync(ct);
        var wanted = rules.Current.Items.Where(rule => rule is { Enabled: true, Absence: not null }).ToList();
        await ForgetAsync(wanted, ct);
        if (wanted.Count == 0) return;

        var now = clock.GetUtcNow();
        var before = await memory.FindAsync(Name, ct);
        var wasUp = before.Time("LookedAt") is { } looked && looked <= now && now - looked < s_pause;
        var upSince = wasUp ? before.Time("UpSince") ?? now : now;
        await memory.WriteAsync(Name, new Columns { ["LookedAt"] = now, ["UpSince"] = upSince }, ct);
        var nodes = (await catalog.AllAsync(ct)).Where(one => one.Node is { Active: true, EnrolledAt: not null }).ToList();
        foreach (var rule in wanted) await JudgeAsync(rule, nodes, now, upSince, ct);
    }

    private async ValueTask JudgeAsync(Rule rule, IReadOnlyList<CatalogNode> all, DateTimeOffset now, DateTimeOffset upSince, CancellationToken ct)
    {
        var nodes = all.Where(one => rule.Scope.Holds(FactsOf(one.Node))).ToList();
        var lasting = new Dictionary<string, Lasting>(StringComparer.Ordinal);
        await foreach (var row in _absences.ScanAsync(KeyRange.Partition(KeyText.Of(rule.Id)), ct)) lasting[row.Key.Row] = new(row.Columns.Time("Last")!.Value, row.Columns.Time("Since") is not null);

        if (rule.Absence!.Kind == Absence.Missing)
        {
            await JudgeFleetAsync(rule, nodes, lasting, now, upSince, ct);
            return;
        }

        var lasts = rule.Absence.Kind == Absence.Results && nodes.Count > 0 ? await reports.LastResultsAsync(rule.Absence.Query!, ct) : new Dictionary<NodeId, DateTimeOffset>();
        foreach (var one in nodes)
        {
            var (last, most) = LastOf(rule.Absence, one, lasts, now);
            var isAbsent = last is { } at && now - at >= most;
            var key = one.Node.Id.ToString();

            // What came and was gone again before anybody looked is another absence.
            var isTold = lasting.Remove(key, out var before) && isAbsent && before!.Last == last;
            if (!isTold && before is not null) await EndAsync(rule.Id, key, "it is over", ct);
            if (!isTold && isAbsent && now - upSince >= Grace(most)) await BeginAsync(rule, key, one.Node, last!.Value, Columns(rule.Absence, last.Value, now), now, ct);
        }

        // Nodes that are gone, or that the rule is not about any more.
        foreach (var key in lasting.Keys) await EndAsync(rule.Id, key, "the rule is not about it any more", ct);
    }

    private static TimeSpan Grace(TimeSpan most) => most < s_grace ? most : s_grace;

    private async ValueTask JudgeFleetAsync(Rule rule, List<CatalogNode> nodes, Dictionary<string, Lasting> lasting, DateTimeOffset now, DateTimeOffset upSince, CancellationToken ct)
    {
        var most = rule.Absence!.For!.Value;
        var missing = nodes.Where(one => now - (one.Seen?.At ?? one.Node.EnrolledAt!.Value) >= most).ToList();
        var isMissing = nodes.Count > 0 && missing.Count * 100L >= nodes.Count * (long)rule.Absence.Percent! && now - upSince >= Grace(most);

        // What the rule said of nodes when it was about them.
        lasting.Remove(Fleet, out var before);
        foreach (var key in lasting.Keys) await EndAsync(rule.Id, key, "the rule is not about it any more", ct);
        if (isMissing && before is not { IsTold: true })
        {
            // Since when it lasts is written first: told again, because something failed meanwhile, it is the same absence.
            if (before is null) await _absences.WriteAsync(Write.Replace(new(KeyText.Of(rule.Id), Fleet), new Columns { ["Last"] = now }), ct);
            var columns = new Dictionary<string, string>
            {
                ["missing"] = Text(missing.Count),
                ["nodes"] = Text(nodes.Count),
                ["percent"] = Text(missing.Count * 100L / nodes.Count),
                ["hosts"] = string.Join(", ", missing.Select(one => one.Node.Name).Order(StringComparer.Ordinal).Take(50)),
            };
            await BeginAsync(rule, Fleet, null, before?.Last ?? now, columns, now, ct);
        }
        else if (!isMissing && before is not null && now - upSince >= s_grace) await EndAsync(rule.Id, Fleet, "enough of them are back", ct);
    }

    /// <summary>When what the rule waits for came last, or null if it is not waited for; and for how long it may stay away.</summary>
    private (DateTimeOffset? Last, TimeSpan Most) LastOf(Absence absence, CatalogNode one, IReadOnlyDictionary<NodeId, DateTimeOffset> lasts, DateTimeOffset now)
    {
        var (node, seen) = one;
        var enrolled = node.EnrolledAt!.Value;
        switch (absence.Kind)
        {
            case Absence.NotSeen:
                return (seen?.At ?? enrolled, absence.For!.Value);
            case Absence.NeverReported:
                return (seen?.ResultAt is null ? enrolled : null, absence.For!.Value);
            case Absence.Quiet:
                // One that is not heard of at all is not quiet, but away.
                return (now - (seen?.At ?? enrolled) < absence.For!.Value ? seen?.ResultAt ?? enrolled : null, absence.For.Value);
            default:
                // Of one that may not run it, by its version or shard, only what has come before can stay away.
                if (ScheduleOf(absence.Query!, node) is not var (interval, isCertain)) return (null, TimeSpan.Zero);
                DateTimeOffset? last = lasts.TryGetValue(node.Id, out var at) && at > enrolled ? at : isCertain ? enrolled : null;
                return (last, interval * absence.Intervals!.Value);
        }
    }

    /// <summary>How often a node runs a query, and whether it is certain that it does; null if it does not have it.</summary>
    private (TimeSpan Interval, bool IsCertain)? ScheduleOf(string query, Node node) => config.ScheduledFor(query, node.Tags, node.Platform) is var (schedule, pack)
        ? (TimeSpan.FromSeconds(schedule.Interval), schedule is { Shard: null, Version: null } && pack?["shard"] is null && pack?["version"] is null && pack?["discovery"] is null)
        : null;

    private async ValueTask BeginAsync(Rule rule, string key, Node? node, DateTimeOffset last, Dictionary<string, string> columns, DateTimeOffset now, CancellationToken ct)
    {
        // The alert first: it is the same however often it is raised, and the row says that it was.
        var facts = node is null ? NodeFacts.Unknown(default) : FactsOf(node);
        var group = Digest.Of(rule.Id, "absence", key);
        var line = new JsonObject
        {
            ["name"] = rule.Absence!.Query ?? "fleet/absence/" + rule.Absence.Kind,
            ["action"] = "absent",
            ["time"] = TimeText.Seconds(now),
            ["hostIdentifier"] = facts.Host,
            ["columns"] = new JsonObject(columns.Select(column => KeyValuePair.Create(column.Key, (JsonNode?)column.Value))),
        };
        var alert = AlertDrafts.Of(
            rule, facts.Id, facts.Host, facts.Tags, node is null ? Fleet : "", line.ToJsonString(), now, name => columns.GetValueOrDefault(name) ?? AlertDrafts.ValueOf(name, facts, node));
        await alerts.RaiseAsync(new(group, IsTracked: true, Window: null, [Digest.Of(group, last.ToString("O", CultureInfo.InvariantCulture))], 1, now, alert, rule.Alerters, rule.Escalation?.After), ct);
        await _absences.WriteAsync(Write.Replace(new(KeyText.Of(rule.Id), key), new Columns { ["Last"] = last, ["Since"] = now }), ct);
    }

    private async ValueTask EndAsync(string ruleId, string key, string why, CancellationToken ct)
    {
        await alerts.EndAsync(Digest.Of(ruleId, "absence", key), why, ct);
        await _absences.WriteAsync(Write.Delete(new(KeyText.Of(ruleId), key)), ct);
    }

    /// <summary>What rules said that are gone, switched off, or about something else now.</summary>
    private async ValueTask ForgetAsync(List<Rule> wanted, CancellationToken ct)
    {
        var known = wanted.Select(rule => KeyText.Of(rule.Id)).ToHashSet(StringComparer.Ordinal);
        var gone = new List<Key>();
        await foreach (var row in _absences.ScanAsync(KeyRange.Everything, ct))
        {
            if (!known.Contains(row.Key.Partition)) gone.Add(row.Key);
        }

        foreach (var key in gone) await EndAsync(KeyText.Read(key.Partition), key.Row, "the rule is gone or switched off", ct);
    }

    private static Dictionary<string, string> Columns(Absence absence, DateTimeOffset last, DateTimeOffset now) => new()
    {
        ["absence"] = absence.Kind,
        ["last"] = TimeText.Seconds(last),
        ["seconds"] = Text((long)(now - last).TotalSeconds),
    };

    private static NodeFacts FactsOf(Node node) => new(node.Id, node.HostIdentifier, node.Platform, node.Tags);

    /// <param name="Last">What came last; of the fleet, when it began.</param>
    private sealed record Lasting(DateTimeOffset Last, bool IsTold);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
