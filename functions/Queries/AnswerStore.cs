using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>Answers by campaign and node. Table: <see cref="Schema.Answers"/>.</summary>
internal sealed class AnswerStore(ITables tables)
{
    private static readonly byte[] s_none = "[]"u8.ToArray();
    private readonly ITable _answers = tables[Schema.Answers];

    /// <summary>Makes a NEW row for each node. Cost: one transaction for each hundred.</summary>
    public ValueTask PrepareAsync(string campaign, IEnumerable<NodeId> nodes, CancellationToken ct) =>
        _answers.WriteManyAsync(nodes.Select(node => Write.Replace(KeyOf(campaign, node), new Columns { ["State"] = (long)AnswerState.New })), ct);

    /// <summary>A node's answer and the ETag to change it under; null if the node was not asked.</summary>
    public async ValueTask<(Answer Answer, string Etag)?> FindAsync(string campaign, NodeId node, CancellationToken ct) =>
        await _answers.FindAsync(KeyOf(campaign, node), ct) is { } row ? (Read(row), row.Etag) : null;

    /// <summary>Replaces an answer.</summary>
    /// <exception cref="ConflictException">It is not as <paramref name="etag"/> says.</exception>
    public async ValueTask WriteAsync(string campaign, Answer answer, string etag, CancellationToken ct)
    {
        var columns = new Columns { ["State"] = (long)answer.State }.With("SentAt", answer.SentAt).With("AnsweredAt", answer.AnsweredAt).With("Error", answer.Error);
        var packed = Compression.Pack(answer.Rows);
        if (packed.Length > Chunks.MostInRow)
        {
            // Parts first: the head that names them comes last.
            var parts = packed.Chunk(Chunks.MostInRow).ToArray();
            for (var i = 0; i < parts.Length; i++)
            {
                await _answers.WriteAsync(Write.Replace(PartOf(campaign, answer.Node, i), new Columns().WithBytes("R", parts[i])), ct);
            }

            columns["Parts"] = (long)parts.Length;
        }
        else if (answer.Rows.Length > s_none.Length)
        {
            columns.WithBytes("R", packed);
        }

        await _answers.WriteAsync(Write.Replace(KeyOf(campaign, answer.Node), columns).If(etag), ct);
    }

    /// <summary>Answers in the order of their nodes; cost: one transaction a page.</summary>
    public async ValueTask<Page<Answer>> PageAsync(string campaign, int take, string? after, CancellationToken ct)
    {
        var page = await _answers.PageAsync(KeyRange.Partition(campaign), take, after, ct);
        var answers = new List<Answer>();
        foreach (var row in page.Items)
        {
            if (IsPart(row)) continue;
            var answer = Read(row);
            if (row.Columns.Number("Parts") is { } parts) answer = answer with { Rows = await JoinAsync(campaign, answer.Node, parts, ct) };
            answers.Add(answer);
        }

        return new(answers, page.After);
    }

    /// <summary>How many answers are in each state.</summary>
    public async ValueTask<Dictionary<AnswerState, long>> CountAsync(string campaign, CancellationToken ct)
    {
        var counts = Enum.GetValues<AnswerState>().ToDictionary(state => state, _ => 0L);
        await foreach (var row in _answers.ScanAsync(KeyRange.Partition(campaign), ct))
        {
            if (!IsPart(row)) counts[StateOf(row)]++;
        }

        return counts;
    }

    /// <summary>Ends what was not answered. Safe to repeat; an answer that comes in between stays.</summary>
    public async ValueTask ExpireAsync(string campaign, CancellationToken ct)
    {
        await foreach (var row in _answers.ScanAsync(KeyRange.Partition(campaign), ct))
        {
            if (IsPart(row) || StateOf(row) is not (AnswerState.New or AnswerState.Sent)) continue;
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
        for (; ; )
        {
            var page = await _answers.PageAsync(KeyRange.Partition(campaign), TableLimits.BatchWrites, after: null, ct);
            await _answers.WriteManyAsync(page.Items.Select(row => Write.Delete(row.Key)), ct);
            if (page.After is null) return;
        }
    }

    private async ValueTask<byte[]> JoinAsync(string campaign, NodeId node, long parts, CancellationToken ct)
    {
        using var packed = new MemoryStream();
        for (var i = 0; i < parts; i++)
        {
            var row = await _answers.FindAsync(PartOf(campaign, node, i), ct) ?? throw new InvalidDataException($"Part {i} of {node}'s answer to {campaign} is missing.");
            packed.Write(row.Columns.AllBytes("R"));
        }

        return Compression.Unpack(packed.ToArray());
    }

    private static Answer Read(Row row) => new(
        NodeId.TryParse(row.Key.Row, out var node) ? node : default, StateOf(row), row.Columns.Time("SentAt"), row.Columns.Time("AnsweredAt"), row.Columns.Text("Error"),
        row.Columns.AllBytes("R") is { Length: > 0 } packed ? Compression.Unpack(packed) : s_none);

    private static AnswerState StateOf(Row row) => (AnswerState)row.Columns.Number("State")!.Value;

    private static bool IsPart(Row row) => row.Key.Row.Contains('.', StringComparison.Ordinal);

    private static Key KeyOf(string campaign, NodeId node) => new(campaign, node.ToString());

    private static Key PartOf(string campaign, NodeId node, int part) => new(campaign, FormattableString.Invariant($"{node}.{part:D4}"));
}
