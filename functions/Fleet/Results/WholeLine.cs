namespace Fleet.Results;

/// <summary>A line as it came, and what its rows have in common: read once, when it is asked for. A snapshot may have tens of thousands of rows.</summary>
internal sealed class WholeLine(ReadOnlyMemory<byte> text)
{
    private IReadOnlyList<KeyValuePair<string, ColumnValue>>? _decorations;

    public static WholeLine None { get; } = new(default);

    public ReadOnlyMemory<byte> Text => text;

    public IReadOnlyList<KeyValuePair<string, ColumnValue>> Decorations => _decorations ??= text.Span is [(byte)'{', ..] ? LineReader.ReadDecorations(text) : [];
}
