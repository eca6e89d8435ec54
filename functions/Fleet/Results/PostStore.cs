using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>What of a post is new, and what of it was stored before.</summary>
/// <param name="Repeated">Parts that the post before had, to be done again; empty if they are known to be done.</param>
/// <param name="New">The lines that are new; null for none.</param>
/// <param name="Last">What the next post is compared with.</param>
internal sealed record ComparedPost(IReadOnlyList<(BatchKey Key, LogBody Lines)> Repeated, (BatchKey Key, LogBody Lines)? New, LastPost Last);

/// <summary>Tells lines that are sent again from more of the same, by the sequence of the lines: a post that was not acknowledged comes again whole, from its first line on.</summary>
/// <remarks>What a node posted last is in memory, and in a row beside its batches for other instances and after a restart.</remarks>
/// <param name="tables">The store.</param>
/// <param name="batches">Says where lines will lie.</param>
/// <param name="clock">The server's.</param>
/// <param name="isShared">Other instances may have taken the node's last post.</param>
internal sealed class PostStore(ITables tables, BatchStore batches, TimeProvider clock, bool isShared)
{
    /// <summary>The point keeps it apart from batches.</summary>
    private const string Row = ".last";

    /// <summary>A post of so many lines that are all alike is followed by more of them: agents send a thousand at a time.</summary>
    private const int ManyAlike = 100;

    /// <summary>So many batches are done again at most.</summary>
    private const int MostParts = 16;

    private static readonly TimeSpan s_timeless = TimeSpan.FromHours(1);

    /// <summary>Compares a post with the node's last.</summary>
    /// <param name="node">The node.</param>
    /// <param name="body">The post.</param>
    /// <param name="isStatus">Status logs, and no results.</param>
    /// <param name="ct">Stops the read.</param>
    public async ValueTask<ComparedPost> CompareAsync(KnownNode node, LogBody body, bool isStatus, CancellationToken ct)
    {
        Func<DateTimeOffset, string> tableOf = isStatus ? Schema.StatusLogs : Schema.Results;
        var last = (isShared ? null : node.LastPost(isStatus)) ?? await FindAsync(tableOf, node.Id, ct);
        var lines = body.DigestOf(last?.Count ?? 0);
        if (last is null || lines.Beginning != last.Digest || !IsRepetition(last, body))
        {
            var chain = ChainOf(lines.All, last);
            var key = batches.KeyOf(tableOf, node.Id, chain, body.Newest);
            return new([], (key, body), new(lines.All, chain, body.Count, clock.GetUtcNow(), lines.IsUniform, [new(body.Count, key.ToString())]) { IsDone = false });
        }

        var repeated = new List<(BatchKey, LogBody)>();
        var at = 0;
        foreach (var part in last.Parts)
        {
            if (last.IsDone != true && BatchKey.TryParse(part.Batch, out var batch)) repeated.Add((batch, body.Slice(at, part.Count)));
            at += part.Count;
        }

        if (at >= body.Count) return new(repeated, null, last);
        var rest = body.Slice(at, body.Count - at);
        var restChain = ChainOf(rest.DigestOf(0).All, last);
        var restKey = batches.KeyOf(tableOf, node.Id, restChain, rest.Newest);
        return new(repeated, (restKey, rest), new(lines.All, restChain, body.Count, clock.GetUtcNow(), lines.IsUniform, [.. PartsOf(last), new(rest.Count, restKey.ToString())]) { IsDone = false });
    }

    /// <summary>What is done need not be known by its parts; of what is not, the latest are.</summary>
    private static IEnumerable<PostPart> PartsOf(LastPost last)
    {
        if (last.IsDone == true) return [new(last.Count, "")];
        if (last.Parts.Count < MostParts) return last.Parts;
        var latest = last.Parts.Skip(last.Parts.Count - (MostParts / 2)).ToList();
        return latest.Prepend(new(last.Count - latest.Sum(part => part.Count), ""));
    }

    /// <summary>Whether a post that begins with all lines of the last one repeats it.</summary>
    private bool IsRepetition(LastPost last, LogBody body)
    {
        if (last is { IsUniform: true, Count: >= ManyAlike, IsDone: not false }) return false;

        // Lines that say no time may be the same again another day.
        return body.Newest is not null || clock.GetUtcNow() - last.At < s_timeless;
    }

    private static string ChainOf(string digest, LastPost? last) => last is null ? digest : Digest.Of(digest, last.Chain);

    /// <summary>The row that remembers a post; in the same table as its batch nearly always.</summary>
    public (string Table, Write Write) WriteOf(NodeId node, LastPost post, bool isStatus) => (
        isStatus ? Schema.StatusLogs(clock.GetUtcNow()) : Schema.Results(clock.GetUtcNow()),
        Write.Replace(new(node.ToString(), Row), new Columns { ["Digest"] = post.Digest, ["Chain"] = post.Chain, ["At"] = post.At, ["Count"] = (long)post.Count, ["IsUniform"] = post.IsUniform, ["Posts"] = post.PartsText }));

    /// <summary>It lies in the table of the week in which it came.</summary>
    private async ValueTask<LastPost?> FindAsync(Func<DateTimeOffset, string> tableOf, NodeId node, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        return await FindInAsync(tableOf(now), node, ct) ?? (tableOf(now - s_timeless) is var before && before != tableOf(now) ? await FindInAsync(before, node, ct) : null);
    }

    private async ValueTask<LastPost?> FindInAsync(string table, NodeId node, CancellationToken ct) =>
        await tables[table].FindAsync(new(node.ToString(), Row), ct) is { Columns: var columns }
            ? new(columns.Text("Digest")!, columns.Text("Chain")!, (int)columns.Number("Count")!.Value, columns.Time("At")!.Value, columns.Flag("IsUniform"), LastPost.ReadParts(columns.Text("Posts")!))
            : null;
}
