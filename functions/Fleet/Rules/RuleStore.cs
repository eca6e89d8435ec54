using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Rules;

/// <summary>Rules by id, and compiled together. Table: <see cref="Schema.Rules"/>.</summary>
internal sealed class RuleStore
{
    private readonly ControlTable<Rule> _rules;
    private readonly Limits _limits;
    private readonly ILogger<RuleStore> _log;
    private volatile CompiledSet _compiled = new(-1, new RuleSet([]));

    public RuleStore(ITables tables, ChangeFeed changes, Limits limits, ILogger<RuleStore> log)
    {
        (_limits, _log) = (limits, log);
        _rules = new(tables, changes, Schema.Rules, Read, Write);
    }

    public Snapshot<Rule> Current => _rules.Current;

    /// <summary>The enabled rules as they are now, compiled when one of them changed.</summary>
    public RuleSet Compiled
    {
        get
        {
            var current = _rules.Current;
            if (_compiled.Version == current.Version) return _compiled.Set;
            var set = new RuleSet(current.Items.Where(rule => rule is { Enabled: true, Absence: null }).Select(Compile).OfType<(Rule, RuleNode)>());
            _compiled = new(current.Version, set);
            return set;
        }
    }

    public Stored<Rule>? Find(string id) => _rules.Find(id);

    /// <summary>The table itself. What is saved there <see cref="RuleParser"/> found good.</summary>
    public ControlTable<Rule> Table => _rules;

    /// <summary>Saves a rule that <see cref="RuleParser"/> found good.</summary>
    public async ValueTask PutAsync(Rule rule, string? etag, CancellationToken ct) => await _rules.PutAsync(rule.Id, rule, etag, ct);

    /// <summary>A rule that cannot be read, because a newer version wrote it, is left out and told; it stops no other.</summary>
    private (Rule, RuleNode)? Compile(Rule rule)
    {
        using var conditions = JsonDocument.Parse(rule.Conditions);
        if (RuleParser.Parse(conditions.RootElement, _limits, out var faults) is { } root) return (rule, root);
        _log.LogError("Rule {Rule} is left out: {Fault}", rule.Name, faults[0]);
        return null;
    }

    private static Rule Read(Columns columns)
    {
        var rule = new Rule(
            columns.Text("Id")!, columns.Text("Name")!, columns.Text("Description") ?? "",
            Encoding.UTF8.GetString(Compression.Unpack(columns.AllBytes("Conditions"))),
            columns.Text("Alerters") is { Length: > 0 } names ? names.Split('\n') : [],
            columns.Text("Severity")!, columns.Flag("Enabled"), columns.Time("CreatedAt")!.Value, columns.Time("UpdatedAt")!.Value)
        { Version = columns.Number("Version") ?? 1 };
        if (columns.Text("Details") is not { } json) return rule;
        var details = JsonSerializer.Deserialize(json, RuleJson.Default.RuleDetails)!;
        return rule with
        {
            Message = details.Message,
            Runbook = details.Runbook,
            Scope = new(TagSet.Of(details.Tags), details.Platforms),
            Threshold = details.Threshold,
            Absence = details.Absence,
            Grouping = details.Grouping,
            ResolvesOnRemoved = details.ResolvesOnRemoved,
            ResolvesAfter = details.ResolvesAfter,
            Escalation = details.Escalation,
            Learning = details.Learning,
        };
    }

    private static Columns Write(Rule rule) => new Columns()
        .With("Id", rule.Id).With("Name", rule.Name).With("Description", rule.Description)
        .With("Alerters", string.Join('\n', rule.Alerters)).With("Severity", rule.Severity).With("Enabled", rule.Enabled)
        .With("CreatedAt", rule.CreatedAt).With("UpdatedAt", rule.UpdatedAt).With("Version", rule.Version)
        .With("Details", JsonSerializer.Serialize(
            new RuleDetails(
                rule.Message, rule.Runbook, rule.Scope.Tags.Tags, rule.Scope.Platforms, rule.Threshold, rule.Absence, rule.Grouping, rule.ResolvesOnRemoved, rule.ResolvesAfter, rule.Escalation, rule.Learning),
            RuleJson.Default.RuleDetails))
        .WithBytes("Conditions", Compression.Pack(Encoding.UTF8.GetBytes(rule.Conditions)));

    private sealed record CompiledSet(long Version, RuleSet Set);
}
