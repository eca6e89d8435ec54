using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>Answers by campaign and node. Table: <see cref="Schema.Answers"/>.</summary>
internal sealed class AnswerStore(ITables tables)
{
    private const int SmallRows = 4 << 10;
    private const int PageBytes = 32 << 20;
    private const int LargeInPage = 40;
    private const string RowsSuffix = "-rows";

    private static readonly byte[] s_none = "[]"u8.ToArray();
    private readonly ITable _answers = tables[Schema.Answers];

    /// <summary>Makes a NEW row for each node. Cost: one transaction for each hundred.</summary>
    public ValueTask PrepareAsync(string campaign, IEnumerable<NodeId> nodes, CancellationToken ct) =>
        _answers.WriteManyAsync(nodes.Select(node => Write.Replace(KeyOf(campaign, node), new Columns { ["State"] = (long)AnswerState.New })), ct);

    /// <summary>A node's answer and the ETag to change it under; null if the node was not asked.</summary>
    public async ValueTask<(Answer Answer, string? Etag)?> FindAsync(string campaign, NodeId node, CancellationToken ct) =>
        await _answers.FindAsync(KeyOf(campaign, node), ct) is { } row ? (Read(row), row.Etag) : null;

    /// <summary>A node's answer with all its rows; null if the node was not asked.</summary>
    public async ValueTask<Answer?> FindWholeAsync(string campaign, NodeId node, CancellationToken ct) =>
        await _answers.FindAsync(KeyOf(campaign, node), ct) is { } row ? await WholeAsync(campaign, row, ct) : null;

    /// <summary>Replaces an answer, or makes one where there is none.</summary>
    /// <param name="campaign">What was asked.</param>
    /// <param name="answer">The answer as it shall be.</param>
    /// <param name="etag">As it was read; null for a node that was not asked yet.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <exception cref="ConflictException">It is not as <paramref name="etag"/> says.</exception>
    public async ValueTask WriteAsync(string campaign, Answer answer, string? etag, CancellationToken ct)
    {
        var columns = new Columns { ["State"] = (long)answer.State }.With("SentAt", answer.SentAt).With("AnsweredAt", answer.AnsweredAt).With("Error", answer.Error).With("WallMs", answer.WallMs).With("Offers", answer.Offers == 0 ? null : (long?)answer.Offers);
        var packed = Compression.Pack(answer.Rows);
        if (packed.Length > SmallRows)
        {
            // The rows lie apart, so that counting and listing read heads only; first, so that a head never names what is not there;
            // and under their digest, so that two answers at once do not mix.
            var digest = Digest.Of(answer.Rows);
            var parts = packed.Chunk(Chunks.MostInRow).ToArray();
            for (var i = 0; i < parts.Length; i++)
            {
                await _answers.WriteAsync(Write.Replace(PartOf(campaign, answer.Node, digest, i), new Columns().WithBytes("R", parts[i])), ct);
            }

            columns["Parts"] = (long)parts.Length;
            columns["Digest"] = digest;
        }
        else if (answer.Rows.Length > s_none.Length)
        {
            columns.WithBytes("R", packed);
        }

        var key = KeyOf(campaign, answer.Node);
        await _answers.WriteAsync(etag is null ? Write.Insert(key, columns) : Write.Replace(key, columns).If(etag), ct);
    }

    /// <summary>Answers in the order of their nodes; cost: one transaction a page.</summary>
    public async ValueTask<Page<Answer>> PageAsync(string campaign, int take, string? after, CancellationToken ct)
    {
        // The token is the last node: a page can end wherever it must, save before its first row.
        var range = KeyRange.Rows(campaign, after is null ? "" : after + "!", KeyRange.Last);
        var page = await _answers.PageAsync(range, take, after: null, ct);
        while (page is { Items.Count: 0, After: { } next }) page = await _answers.PageAsync(range, take, next, ct);
        var answers = new List<Answer>();
        var bytes = 0L;
        var large = 0;
        foreach (var row in page.Items)
        {
            // A page ends early rather than hold more than this, or cost more.
            if (bytes > PageBytes || large == LargeInPage) return new(answers, answers[^1].Node.ToString());
            if (row.Columns.Number("Parts") is not null) large++;
            var answer = await WholeAsync(campaign, row, ct);
            bytes += answer.Rows.Length;
            answers.Add(answer);
        }

        return new(answers, page.After is null ? null : answers[^1].Node.ToString());
    }

    /// <summary>How far each node came, without its rows; of one state, or of all. A page may be short, or empty, and still lead on. Cost: one transaction for each thousand, ten at most.</summary>
    public async ValueTask<Page<Answer>> StatesAsync(string campaign, AnswerState? state, int take, string? after, CancellationToken ct)
    {
        const int MostLooked = 10 * TableLimits.PageRows;
        var found = new List<Answer>();
        var looked = 0;
        await foreach (var row in _answers.ScanAsync(KeyRange.Rows(campaign, after is null ? "" : after + "!", KeyRange.Last), ct))
        {
            if (state is null || StateOf(row) == state) found.Add(Head(row));
            if (found.Count == take || ++looked == MostLooked) return new(found, row.Key.Row);
        }

        return new(found, null);
    }

    /// <summary>How many answers are in each state. Cost: one transaction for each thousand.</summary>
    public async ValueTask<Tally> CountAsync(string campaign, CancellationToken ct)
    {
        var counts = new long[5];
        await foreach (var row in _answers.ScanAsync(KeyRange.Partition(campaign), ct)) counts[(int)StateOf(row)]++;
        return new(counts[0], counts[1], counts[2], counts[3], counts[4]);
    }

    /// <summary>Ends what was not answered. Safe to repeat; an answer that comes in between stays.</summary>
    public async ValueTask ExpireAsync(string campaign, CancellationToken ct)
    {
        await foreach (var row in _answers.ScanAsync(KeyRange.Partition(campaign), ct))
        {
            if (StateOf(row) is not (AnswerState.New or AnswerState.Sent)) continue;
            try
            {
                await _answers.WriteAsync(Write.Merge(row.Key, new Columns { ["State"] = (long)AnswerState.Expired }).If(row.Etag), ct);
            }
            catch (ConflictException)
            {
                // It was answered just now.
            }
        }
    }

    public async ValueTask RemoveAsync(string campaign, CancellationToken ct)
    {
        foreach (var partition in new[] { campaign + RowsSuffix, campaign })
        {
            Page<Row> page;
            do
            {
                page = await _answers.PageAsync(KeyRange.Partition(partition), TableLimits.BatchWrites, after: null, ct);
                await _answers.WriteManyAsync(page.Items.Select(row => Write.Delete(row.Key)), ct);
            }
            while (page.After is not null);
        }
    }

    /// <summary>All answers as their rows have them: what lies apart, because it is large, is not read. Cost: one transaction for each thousand.</summary>
    /// <returns>Each answer, and whether its rows are missing.</returns>
    public async IAsyncEnumerable<(Answer Answer, bool LacksRows)> HeadsAsync(string campaign, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var row in _answers.ScanAsync(KeyRange.Partition(campaign), ct)) yield return (Read(row), row.Columns.Number("Parts") is not null);
    }

    private async ValueTask<Answer> WholeAsync(string campaign, Row row, CancellationToken ct)
    {
        var answer = Read(row);
        return row.Columns.Number("Parts") is { } parts ? answer with { Rows = await JoinAsync(campaign, answer.Node, row.Columns.Text("Digest")!, parts, ct) } : answer;
    }

    private async ValueTask<byte[]> JoinAsync(string campaign, NodeId node, string digest, long parts, CancellationToken ct)
    {
        using var packed = new MemoryStream();
        for (var i = 0; i < parts; i++)
        {
            var row = await _answers.FindAsync(PartOf(campaign, node, digest, i), ct) ?? throw new StorageDamagedException($"Part {i} of {node}'s answer to {campaign} is missing.");
            packed.Write(row.Columns.AllBytes("R"));
        }

        return Compression.Unpack(packed.ToArray());
    }

    private static Answer Read(Row row) => row.Columns.AllBytes("R") is { Length: > 0 } packed ? Head(row) with { Rows = Compression.Unpack(packed) } : Head(row);

    /// <summary>Without its rows, which are not unpacked.</summary>
    private static Answer Head(Row row) => new(
        NodeId.TryParse(row.Key.Row, out var node) ? node : default, StateOf(row), row.Columns.Time("SentAt"), row.Columns.Time("AnsweredAt"), row.Columns.Text("Error"), s_none, row.Columns.Number("WallMs"),
        (int)(row.Columns.Number("Offers") ?? (row.Columns.Time("SentAt") is null ? 0 : 1)));

    private static AnswerState StateOf(Row row) => (AnswerState)row.Columns.Number("State")!.Value;

    private static Key KeyOf(string campaign, NodeId node) => new(campaign, node.ToString());

    private static Key PartOf(string campaign, NodeId node, string digest, int part) => new(campaign + RowsSuffix, FormattableString.Invariant($"{node}.{digest}.{part:D4}"));
}
