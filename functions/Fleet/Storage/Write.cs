namespace Fleet.Storage;

internal enum WriteKind
{
    /// <summary>Fails if the row is there.</summary>
    Insert,

    /// <summary>The row becomes exactly these columns; made if it is not there and no ETag was named.</summary>
    Replace,

    /// <summary>These columns are set, others stay; made if it is not there and no ETag was named.</summary>
    Merge,

    /// <summary>The row is gone afterwards; that it was not there is no failure unless an ETag was named.</summary>
    Delete,
}

/// <summary>One change of one row.</summary>
internal sealed record Write(WriteKind Kind, Key Key, Columns Columns, string? Etag = null)
{
    private static readonly Columns s_none = [];

    public static Write Insert(Key key, Columns columns) => new(WriteKind.Insert, key, columns);

    public static Write Replace(Key key, Columns columns) => new(WriteKind.Replace, key, columns);

    public static Write Merge(Key key, Columns columns) => new(WriteKind.Merge, key, columns);

    public static Write Delete(Key key) => new(WriteKind.Delete, key, s_none);

    /// <summary>Only if the row is still as it was when this ETag was read.</summary>
    public Write If(string? etag) => this with { Etag = etag };
}
