namespace Fleet.Storage;

/// <summary>Bytes too long for one column, spread over several: <c>Name0</c>, <c>Name1</c>, …</summary>
internal static class Chunks
{
    private const int Size = TableLimits.PropertyBytes - 4;

    /// <summary>What one row can hold beside its other columns. Base64 of it stays under 1 MiB too, which is how Azurite measures a row in a transaction.</summary>
    public const int MostInRow = 11 * Size;

    public static Columns WithBytes(this Columns columns, string name, ReadOnlySpan<byte> bytes)
    {
        for (var (i, at) = (0, 0); at < bytes.Length || i == 0; i++, at += Size)
        {
            columns[name + i] = bytes[at..Math.Min(bytes.Length, at + Size)].ToArray();
        }

        return columns;
    }

    public static byte[] AllBytes(this Columns columns, string name)
    {
        using var bytes = new MemoryStream();
        for (var i = 0; columns.Bytes(name + i) is { } chunk; i++) bytes.Write(chunk);
        return bytes.ToArray();
    }
}
