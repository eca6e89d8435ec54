namespace Fleet.Storage;

/// <summary>Where a row lies. Both parts are ASCII without <c>/ \ # ?</c>: see <see cref="Kernel.KeyText"/>.</summary>
internal readonly record struct Key(string Partition, string Row);

/// <summary>A row's columns: text, <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, <see cref="DateTimeOffset"/> or bytes. A null is no column.</summary>
internal sealed class Columns : Dictionary<string, object>
{
    public Columns() : base(StringComparer.Ordinal)
    {
    }

    /// <summary>Adds the value, or nothing when it is null.</summary>
    public Columns With(string name, object? value)
    {
        if (value is not null) this[name] = value;
        return this;
    }

    public string? Text(string name) => TryGetValue(name, out var value) ? (string)value : null;

    public long? Number(string name) => TryGetValue(name, out var value) ? (long)value : null;

    public bool Flag(string name) => TryGetValue(name, out var value) && (bool)value;

    public DateTimeOffset? Time(string name) => TryGetValue(name, out var value) ? (DateTimeOffset)value : null;

    public byte[]? Bytes(string name) => TryGetValue(name, out var value) ? (byte[])value : null;
}

/// <summary>A row as it was read, with the ETag that says which state of it.</summary>
internal sealed record Row(Key Key, string Etag, Columns Columns);

/// <summary>Rows of one read, and the token for the next, or null at the end. An empty page with a token is legal.</summary>
internal sealed record Page<T>(IReadOnlyList<T> Items, string? After);

/// <summary>What a scan covers: from (inclusive) to (exclusive), in ordinal order of partition and then row.</summary>
internal readonly record struct KeyRange(Key From, Key To)
{
    /// <summary>Sorts after every legal key: <c>~</c> begins the highest that <see cref="Kernel.KeyText"/> makes.</summary>
    public const string Last = "\x7F";

    public static KeyRange Everything { get; } = new(new("", ""), new(Last, ""));

    public static KeyRange Partition(string partition) => Rows(partition, "", Last);

    public static KeyRange Rows(string partition, string from, string to) => new(new(partition, from), new(partition, to));

    public static KeyRange Partitions(string from, string to) => new(new(from, ""), new(to, ""));
}
