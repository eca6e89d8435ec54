using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>What an agent wrote for one query id.</summary>
/// <param name="Rows">The rows as a JSON array, or null when it sent something else, and why in <paramref name="Fault"/>.</param>
/// <param name="Status">0 for success; absent means success.</param>
/// <param name="WallMs">How long it ran, in milliseconds; null where the agent did not measure it.</param>
internal sealed record WrittenAnswer(string Id, byte[]? Rows, long Status, string Message, string? Fault, long? WallMs);

/// <summary>Takes in answers. An id counts only from the node that it was sent to, and only once.</summary>
internal sealed class Answers(CampaignStore campaigns, AnswerStore answers, Offers offers, QueryCosts costs, Activity activity, Limits limits, TimeProvider clock)
{
    /// <summary>osquery's words for a query that it was killed over within the last day.</summary>
    public const string Denylisted = "distributed query is denylisted";

    /// <summary>Stores an answer; durable when this returns. Null if nobody waits for it: unknown, not asked, answered already, too late.</summary>
    public async ValueTask<Answer?> TakeInAsync(NodeId node, WrittenAnswer written, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (campaigns.Active.ByName.GetValueOrDefault(written.Id)?.Item is not { } campaign || campaign.IsOver(now)) return null;
        for (; ; )
        {
            if (await answers.FindAsync(written.Id, node, ct) is not var (answer, etag) || (answer.State != AnswerState.Sent && !answer.IsGivenUp)) return null;
            var fault = written.Status != 0 ? (written.Message.Length > 0 ? written.Message : $"status {written.Status}")
                : written.Fault
                ?? (written.Rows!.Length > limits.AnswerBytes ? $"the answer has {written.Rows.Length} bytes; at most {limits.AnswerBytes} are kept" : null);
            var taken = answer with
            {
                State = fault is null ? AnswerState.Done : AnswerState.Failed,
                AnsweredAt = now,
                Error = fault is { Length: > 8_000 } ? fault[..8_000] : fault,
                Rows = fault is null ? written.Rows! : "[]"u8.ToArray(),
                WallMs = written.WallMs,
            };
            try
            {
                await answers.WriteAsync(written.Id, taken, etag, ct);
                offers.Settle(written.Id, node);
                Note(campaign.Sql, written);
                return taken;
            }
            catch (ConflictException)
            {
                // The same write came twice, or the campaign ended: look again.
            }
        }
    }

    private void Note(string sql, WrittenAnswer written)
    {
        activity.Note(ActivityKind.Answers);
        if (written.WallMs is { } time) costs.NoteRuns(sql, isDistributed: true, runs: 1, time);
        if (written.Message == Denylisted) costs.NoteDenylisted(sql, isDistributed: true);
    }
}
