using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Count">So many matching rows, 2 to 1,000.</param>
/// <param name="Window">Within so long, by the agents' clocks: <c>1s</c> to <c>7d</c>.</param>
/// <param name="Per">What is counted together: <c>node</c> (default), <c>tag</c> or <c>fleet</c>.</param>
internal sealed record RuleThreshold(int Count, string Window, string? Per = null);

/// <param name="Kind"><c>results</c> (no result of <paramref name="Query"/> within so many of its <paramref name="Intervals"/>), <c>quiet</c> (checks in and sends nothing for so long),
/// <c>not_seen</c> (not heard of for so long), <c>never_reported</c> (no result so long after its enrollment) or <c>missing</c> (so many percent of the nodes not heard of for so long).</param>
/// <param name="Query">As result lines name it: a pack's is <c>pack/PACK/QUERY</c>.</param>
/// <param name="For">Such as <c>2h</c>.</param>
internal sealed record RuleAbsence(string Kind, string? Query = null, int? Intervals = null, string? For = null, int? Percent = null);

/// <param name="Window">For so long after an alert's first row: <c>1m</c> to <c>30d</c>.</param>
/// <param name="By">Columns: rows of one node that are equal in these are one alert; none, and all rows of a node are.</param>
internal sealed record RuleGroup(string Window, IReadOnlyList<string>? By = null);

/// <param name="After">Not acknowledged for so long.</param>
internal sealed record RuleEscalation(string After, IReadOnlyList<string> Alerters);

/// <param name="Conditions">jQuery QueryBuilder's JSON, as Doorman stores it; left out in a rule of <paramref name="Absence"/>.</param>
/// <param name="Severity"><c>info</c>, <c>low</c>, <c>medium</c> (default), <c>high</c> or <c>critical</c>.</param>
/// <param name="Message">What an alert says, with <c>$column</c> and <c>$node</c> filled in; left out, the description.</param>
/// <param name="Runbook">Where it is written what to do.</param>
/// <param name="Tags">Only of nodes with any of these tags; left out, of all.</param>
/// <param name="Platforms">Only of nodes of any of these platforms; left out, of all.</param>
/// <param name="Threshold">An alert for so many rows; left out, for each.</param>
/// <param name="Absence">What does not come, in place of conditions on what comes.</param>
/// <param name="Group">Which rows are one alert; left out, each row is its own.</param>
/// <param name="ResolveOnRemoved">A row that is removed again resolves the alert that it raised.</param>
/// <param name="ResolveAfter">An alert that nothing is added to for so long is resolved: <c>1m</c> to <c>365d</c>; left out, never.</param>
/// <param name="Escalate">Whom to tell if nobody acknowledges.</param>
/// <param name="Learning">For so long after it is made <c>first_seen</c> only learns what there is; left out, not at all.</param>
/// <param name="Id">As it was read: what was read may be sent again. Not looked at, like <paramref name="Version"/>, <paramref name="CreatedAt"/> and <paramref name="UpdatedAt"/>.</param>
internal sealed record RuleRequest(
    string Name, JsonElement? Conditions = null, string? Description = null, string? Message = null, string? Runbook = null, IReadOnlyList<string>? Alerters = null, string? Severity = null, bool Enabled = true,
    IReadOnlyList<string>? Tags = null, IReadOnlyList<string>? Platforms = null, RuleThreshold? Threshold = null, RuleAbsence? Absence = null, RuleGroup? Group = null,
    bool ResolveOnRemoved = false, string? ResolveAfter = null, RuleEscalation? Escalate = null, string? Learning = null,
    string? Id = null, long? Version = null, DateTimeOffset? CreatedAt = null, DateTimeOffset? UpdatedAt = null);

/// <param name="Version">Counts the rule's changes: an alert says by which it was raised.</param>
internal sealed record RuleBody(
    string Id, string Name, string Description, string? Message, string? Runbook, JsonElement? Conditions, IReadOnlyList<string> Alerters, string Severity, bool Enabled,
    IReadOnlyList<string> Tags, IReadOnlyList<string> Platforms, RuleThreshold? Threshold, RuleAbsence? Absence, RuleGroup? Group, bool ResolveOnRemoved, string? ResolveAfter, RuleEscalation? Escalate, string? Learning,
    long Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static RuleBody Of(Rule rule) => new(
        rule.Id, rule.Name, rule.Description, rule.Message.OrNull(), rule.Runbook.OrNull(), rule.Conditions.Length > 0 ? JsonDocument.Parse(rule.Conditions).RootElement : null, rule.Alerters, rule.Severity, rule.Enabled,
        rule.Scope.Tags.Tags, rule.Scope.Platforms,
        rule.Threshold is { } threshold ? new(threshold.Count, Duration.Text(threshold.Window)!, threshold.Per) : null,
        rule.Absence is { } absence ? new(absence.Kind, absence.Query, absence.Intervals, Duration.Text(absence.For), absence.Percent) : null,
        rule.Grouping is { } grouping ? new(Duration.Text(grouping.Window)!, grouping.By) : null,
        rule.ResolvesOnRemoved, Duration.Text(rule.ResolvesAfter), rule.Escalation is { } escalation ? new(Duration.Text(escalation.After)!, escalation.Alerters) : null,
        rule.Learning > TimeSpan.Zero ? Duration.Text(rule.Learning) : null, rule.Version, rule.CreatedAt, rule.UpdatedAt);
}

/// <summary>Reads rules, and says all that is wrong with them.</summary>
internal sealed class RuleReader
{
    private static readonly string[] s_platforms = ["linux", "darwin", "windows", "freebsd"];
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    private readonly List<FieldError> _errors = [];
    private readonly Limits _limits;

    private RuleReader(Limits limits) => _limits = limits;

    /// <summary>The rule, or null with the faults.</summary>
    /// <param name="id">The rule's.</param>
    /// <param name="request">As it shall be.</param>
    /// <param name="alerters">The names that there are.</param>
    /// <param name="limits">Of names, tags and conditions.</param>
    /// <param name="before">As it is, or null.</param>
    /// <param name="now">When it is changed.</param>
    /// <param name="errors">What is wrong.</param>
    public static Rule? Read(string id, RuleRequest request, IReadOnlyCollection<string> alerters, Limits limits, Rule? before, DateTimeOffset now, out IReadOnlyList<FieldError> errors)
    {
        var reader = new RuleReader(limits);
        var rule = reader.Rule(id, request, alerters, before, now);
        errors = reader._errors;
        return errors.Count == 0 ? rule : null;
    }

    private Rule Rule(string id, RuleRequest request, IReadOnlyCollection<string> alerters, Rule? before, DateTimeOffset now)
    {
        if (Config.Names.Fault(request.Name, _limits) is { } nameFault) Fault("name", nameFault);
        Text("description", request.Description, 10_000);
        Text("message", request.Message, 10_000);
        Text("runbook", request.Runbook, 2_000);
        if (request.Runbook is { Length: > 0 } runbook && !(Uri.TryCreate(runbook, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")) Fault("runbook", "This is an http or https address.");
        if (request.Severity is not null && !Fleet.Alerts.Severity.Names.Contains(request.Severity)) Fault("severity", $"This is one of {string.Join(", ", Fleet.Alerts.Severity.Names)}.");
        if (request.Tags is not null && TagSet.Fault([.. request.Tags], _limits) is { } tagFault) Fault("tags", tagFault);
        for (var i = 0; i < request.Platforms?.Count; i++)
        {
            if (!s_platforms.Contains(request.Platforms[i])) Fault($"platforms[{i}]", $"This is one of {string.Join(", ", s_platforms)}.");
        }

        Names("alerters", request.Alerters ?? [], alerters);
        if ((request.Conditions is null) == (request.Absence is null)) Fault("conditions", "A rule has either 'conditions' on what comes, or 'absence': what does not come.");
        else if (request.Conditions is { } conditions && Text("conditions", conditions.GetRawText(), _limits.RuleCharacters))
        {
            RuleParser.Parse(conditions, _limits, out var faults);
            _errors.AddRange(faults.Select(fault => new FieldError(fault.Path, fault.Message)));
        }

        if (request.Absence is not null)
        {
            foreach (var (member, isThere) in new[] { ("threshold", request.Threshold is not null), ("group", request.Group is not null), ("resolveOnRemoved", request.ResolveOnRemoved), ("learning", request.Learning is not null) })
            {
                if (isThere) Fault(member, "This is about rows that come, and the rule is about what does not.");
            }
        }

        var rule = new Rule(
            id, request.Name, request.Description ?? "", request.Conditions is { ValueKind: JsonValueKind.Object } given ? given.GetRawText() : "", [.. (request.Alerters ?? []).Distinct()], request.Severity ?? "medium", request.Enabled, before?.CreatedAt ?? now, now)
        {
            Version = (before?.Version ?? 0) + 1,
            Message = request.Message ?? "",
            Runbook = request.Runbook ?? "",
            Scope = new(TagSet.Of(request.Tags ?? []), [.. (request.Platforms ?? []).Distinct()]),
            Threshold = Threshold(request.Threshold),
            Absence = Absence(request.Absence),
            Grouping = Grouping(request.Group),
            ResolvesOnRemoved = request.ResolveOnRemoved,
            ResolvesAfter = Span("resolveAfter", request.ResolveAfter, _limits.ShortestSpan, 365 * s_day),
            Escalation = Escalation(request.Escalate, alerters),
            Learning = Span("learning", request.Learning, TimeSpan.Zero, 30 * s_day) ?? TimeSpan.Zero,
        };
        if (rule is { Threshold: not null, ResolvesOnRemoved: true }) Fault("resolveOnRemoved", "An alert of many rows is not over when one of them is removed: use 'resolveAfter'.");
        return rule;
    }

    private Threshold? Threshold(RuleThreshold? asked)
    {
        if (asked is null) return null;
        if (asked.Count is < 2 or > 1_000) Fault("threshold.count", "This is a number from 2 to 1,000.");
        if (asked.Per is not (null or Operators.OnNode or Rules.Threshold.OfTag or Operators.InFleet)) Fault("threshold.per", "This is node, tag or fleet.");
        return new(asked.Count, Span("threshold.window", asked.Window, TimeSpan.FromSeconds(1), 7 * s_day) ?? default, asked.Per ?? Operators.OnNode);
    }

    private Absence? Absence(RuleAbsence? asked)
    {
        if (asked is null) return null;
        var isResults = asked.Kind == Rules.Absence.Results;
        var isMissing = asked.Kind == Rules.Absence.Missing;
        if (!Rules.Absence.Kinds.Contains(asked.Kind)) Fault("absence.kind", $"This is one of {string.Join(", ", Rules.Absence.Kinds)}.");
        Belongs("absence.query", asked.Query is { Length: > 0 }, isResults, "the query whose results do not come, as result lines name it");
        Belongs("absence.intervals", asked.Intervals is not null, isResults, "how many of the query's intervals, 2 to 1,000");
        Belongs("absence.for", asked.For is not null, !isResults, $"a span of time from {Duration.Text(_limits.ShortestSpan)} to 365d");
        Belongs("absence.percent", asked.Percent is not null, isMissing, "a share from 1 to 100");
        if (asked.Intervals is < 2 or > 1_000) Fault("absence.intervals", "This is a number from 2 to 1,000: one interval is over before its results arrive.");
        if (asked.Percent is < 1 or > 100) Fault("absence.percent", "This is a number from 1 to 100.");
        return new(asked.Kind, asked.Query, asked.Intervals, Span("absence.for", asked.For, _limits.ShortestSpan, 365 * s_day), asked.Percent);
    }

    private Grouping? Grouping(RuleGroup? asked)
    {
        if (asked is null) return null;
        if (asked.By?.Count > 20) Fault("group.by", "At most 20 columns fit.");
        if (asked.By?.Any(string.IsNullOrWhiteSpace) == true) Fault("group.by", "A column's name must not be blank.");
        return new([.. (asked.By ?? []).Distinct()], Span("group.window", asked.Window, _limits.ShortestSpan, 30 * s_day) ?? default);
    }

    private Escalation? Escalation(RuleEscalation? asked, IReadOnlyCollection<string> alerters)
    {
        if (asked is null) return null;
        if (asked.Alerters.Count == 0) Fault("escalate.alerters", "At least one alerter is told.");
        Names("escalate.alerters", asked.Alerters, alerters);
        return new(Span("escalate.after", asked.After, _limits.ShortestSpan, 7 * s_day) ?? default, [.. asked.Alerters.Distinct()]);
    }

    private void Names(string path, IReadOnlyList<string> names, IReadOnlyCollection<string> known)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (known.Contains(names[i])) continue;
            var hint = Nearest.To(names[i], known) is { } near ? $"; did you mean '{near}'?" : ".";
            Fault($"{path}[{i}]", $"There is no alerter '{names[i]}'{hint}");
        }
    }

    private TimeSpan? Span(string path, string? text, TimeSpan least, TimeSpan most)
    {
        if (text is null) return null;
        if (Duration.TryParse(text, out var span) && span >= least && span <= most) return span;
        Fault(path, $"This is a span of time from {Duration.Text(least)} to {Duration.Text(most)}, such as 30m, 12h or 7d.");
        return null;
    }

    private void Belongs(string path, bool isThere, bool belongs, string what)
    {
        if (isThere != belongs) Fault(path, belongs ? $"This is needed: {what}." : "This does not belong to this kind.");
    }

    /// <summary>Whether it fits.</summary>
    private bool Text(string path, string? text, int most)
    {
        if (text is null || text.Length <= most) return true;
        Fault(path, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"At most {most:N0} characters fit."));
        return false;
    }

    private void Fault(string path, string message) => _errors.Add(new(path, message));
}
