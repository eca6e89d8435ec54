using System.Text;
using System.Text.Json;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Rules;

/// <summary>Subscription <c>results/rules</c>: judges a batch, raises alerts, and has them sent.</summary>
internal sealed class EvaluateRules(BatchStore batches, RuleStore rules, NodeDirectory nodes, AlertStore alerts, IBus bus, ChangeFeed changes, TimeProvider clock,
    ILogger<EvaluateRules> log) : ISubscriber
{
    public string Queue => Addresses.Rules;

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        if (!BatchKey.TryParse(body, out var key)) return new Outcome.Dead("The message names no batch.");
        if (await batches.FindAsync(key, ct) is not { } batch) return Outcome.Finished;

        await changes.LookAsync(ct);
        var set = rules.Compiled;
        if (!batch.Names.Any(set.Wants)) return Outcome.Finished;

        var host = (await nodes.FindAsync(key.Node, ct))?.HostIdentifier ?? "";
        var judge = set.NewJudge();
        var raised = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (rule, row, _, _) in judge.Matches(batch.Lines, batch.Key.Time, new(key.Node, host, "", TagSet.None)))
        {
            {
                try
                {
                    await RaiseAsync(rule, row, key.Node, host, raised, ct);
                }
                catch (ArgumentException fault)
                {
                    // An alert that cannot be stored is this rule's fault alone.
                    log.LogError(fault, "Rule {Rule} matched a row of {Batch}, and its alert cannot be stored", rule.Name, key);
                }
            }
        }

        return Outcome.Finished;
    }

    private async ValueTask RaiseAsync(Rule rule, ResultRow row, NodeId node, string host, HashSet<string> raised, CancellationToken ct)
    {
        var line = Line(row, host);
        var id = Digest.Of(rule.Id, node.ToString(), line, $"{row.Epoch}/{row.Counter}");
        var alert = new Alert(
            id, rule.Id, rule.Name, rule.Description, rule.Severity, node, host, clock.GetUtcNow(), line,
            [.. rule.Alerters.Select(name => new AlertDelivery(name, "pending", 0, null, null))]);
        if (!raised.Add(id)) return;

        // Alert first, then its messages: if the process dies in between, this message comes again and does the rest.
        var place = await alerts.RaiseAsync(alert, ct);
        foreach (var alerter in rule.Alerters) await bus.PublishAsync(Addresses.Alerts, SendAlerts.Message(place, alerter), ct);
    }

    private static string Line(ResultRow row, string host)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("name", row.Name);
            json.WriteString("action", row.Action);
            json.WriteString("time", row.Time);
            json.WriteString("hostIdentifier", host);
            json.WritePropertyName("columns");
            RowJson.WriteColumns(json, row.Columns);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
