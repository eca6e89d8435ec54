using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Storage;

namespace Fleet.Rules;

/// <summary>Subscription <c>results/rules</c>: judges a batch, and raises or ends alerts.</summary>
internal sealed class EvaluateRules(
    BatchStore batches, RuleStore rules, NodeDirectory directory, NodeStore nodes, StoredMemory memory, AlertLife alerts, AlertCap cap, ChangeFeed changes, TimeProvider clock, ILogger<EvaluateRules> log) : ISubscriber
{
    /// <summary>Alerts that are written at once: a batch may match thousands of times.</summary>
    private static readonly ParallelOptions s_atOnce = new() { MaxDegreeOfParallelism = 16 };

    public string Queue => Addresses.Rules;

    public async ValueTask<Outcome> HandleAsync(string body, CancellationToken ct)
    {
        if (!BatchKey.TryParse(body, out var key)) return new Outcome.Dead("The message names no batch.");
        if (key.IsStatus || await batches.FindAsync(key, ct) is not { } batch) return Outcome.Finished;

        await changes.LookAsync(ct);
        var set = rules.Compiled;
        if (!batch.Names.Any(set.Wants)) return Outcome.Finished;

        using var span = Telemetry.Start("evaluate rules", batch.Trace);
        Telemetry.Waited(Queue, batch.ReceivedAt, clock.GetUtcNow());
        Telemetry.Judged.Add(batch.Count);
        var node = NodeFacts.Of(key.Node, await directory.FindAsync(key.Node, ct));
        var assessor = new Assessor(memory);
        var matches = await assessor.ConfirmAsync(set, batch, set.NewJudge().Matches(batch.Lines, key.Time, node), node, ct);
        if (matches.Count == 0) return Outcome.Finished;
        Telemetry.Matches.Add(matches.Count);

        var whole = await nodes.FindAsync(key.Node, ct);
        var findings = cap.Hold(await assessor.FindAsync(matches, body, node, ct), body, key.Node, batch.ReceivedAt);

        // What begins is there before anything ends.
        await Parallel.ForEachAsync(findings.Where(finding => !finding.IsEnd), s_atOnce, WriteAsync);
        await Parallel.ForEachAsync(findings.Where(finding => finding.IsEnd), s_atOnce, WriteAsync);
        return Outcome.Finished;

        async ValueTask WriteAsync(Finding finding, CancellationToken stop)
        {
            try
            {
                if (finding.IsEnd) await alerts.RemoveAsync(finding.Group, finding.Live, stop);
                else await alerts.RaiseAsync(AlertDrafts.Of(finding, node, whole, batch.ReceivedAt), stop);
            }
            catch (ArgumentException fault)
            {
                // An alert that cannot be stored is this rule's fault alone.
                Telemetry.RuleFaults.Add(1);
                log.LogError(fault, "Rule {Rule} matched a row of {Batch}, and its alert cannot be stored", finding.Rule.Name, key);
            }
        }
    }
}
