using Fleet.Alerts;
using Fleet.Nodes;

namespace Fleet.Rules;

/// <summary>Alerts of what rules find, with their texts filled in.</summary>
internal static class AlertDrafts
{
    /// <summary>What a machine puts into a column must not make a text that no row or alerter takes.</summary>
    private const int MostTitle = 1_000;
    private const int MostText = 10_000;

    /// <param name="finding">What was found.</param>
    /// <param name="node">Who sent it.</param>
    /// <param name="whole">The node as it is known otherwise; null if it is gone.</param>
    /// <param name="at">When it came.</param>
    public static AlertDraft Of(Finding finding, NodeFacts node, Node? whole, DateTimeOffset at)
    {
        var row = finding.Row;
        var alert = Of(
            finding.Rule, finding.About.Length > 0 ? default : node.Id, finding.About.Length > 0 ? "" : node.Host, node.Tags, finding.About, finding.Line, at,
            name => row.Column(name) ?? name switch
            {
                "query" => row.Name,
                "action" => row.Action,
                "count" => finding.Count.ToString(System.Globalization.CultureInfo.InvariantCulture),
                _ => ValueOf(name, node, whole),
            });
        if (finding.Words is var (title, message)) alert = alert with { Title = AlertText.Cut(title, MostTitle), Message = message };
        return new(finding.Group, finding.IsTracked, finding.Window, finding.Rows, finding.Count, at, alert, finding.Rule.Alerters, finding.Rule.Escalation?.After) { Live = finding.Live };
    }

    /// <summary>An alert of a rule. Its id is not set, and nothing has become of it.</summary>
    public static Alert Of(Rule rule, Kernel.NodeId node, string host, TagSet tags, string about, string line, DateTimeOffset at, Func<string, string?> valueOf) => new(
        "", rule.Id, rule.Name, Filled(rule.Description, MostText, valueOf), rule.Severity, node, host, at, line, [])
    {
        RuleVersion = rule.Version,
        Title = Filled(rule.Name, MostTitle, valueOf),
        Message = Filled(rule.Message.Length > 0 ? rule.Message : rule.Description, MostText, valueOf),
        Runbook = Filled(rule.Runbook, MostTitle, valueOf),
        Tags = tags,
        About = about,
        ResolvesAfter = rule.ResolvesAfter,
        EscalatesTo = rule.Escalation?.Alerters ?? [],
    };

    private static string Filled(string text, int most, Func<string, string?> valueOf) => AlertText.Cut(Template.Fill(text, valueOf), most);

    /// <summary>What placeholders say of a node: what rules know of it, then what queries said.</summary>
    public static string? ValueOf(string name, NodeFacts node, Node? whole) => name switch
    {
        "node" or "display_name" => whole?.Name ?? node.Host,
        "host_identifier" => node.Host,
        "node_id" => node.Id.ToString(),
        "platform" => node.Platform,
        "tags" => node.Tags.ToString(),
        _ => whole?.Info.GetValueOrDefault(name),
    };
}
