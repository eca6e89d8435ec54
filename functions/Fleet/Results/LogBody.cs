using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Results;

/// <summary>A log post after one scan: where its lines lie, and what must be known of them to store them. No line is built.</summary>
internal sealed class LogBody
{
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<(int Start, int End)> _lines = [];
    private byte[] _lastName = [];

    private LogBody(ReadOnlyMemory<byte> json) => Json = json;

    /// <summary>The repaired body.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>Where the node key's bytes lie in <see cref="Json"/>; empty if it is missing or not text.</summary>
    public ReadOnlyMemory<byte> NodeKey { get; private set; }

    /// <summary><c>result</c>, <c>status</c>, something else, or null.</summary>
    public string? LogType { get; private set; }

    /// <summary>The <c>data</c> array as it came; <c>[]</c> when it is missing or, as from 2.x agents, empty text.</summary>
    public ReadOnlyMemory<byte> Lines { get; private set; } = "[]"u8.ToArray();

    public int Count { get; private set; }

    /// <summary>Lines that are no result: kept as they are, and marked when they are read.</summary>
    public int Bad { get; private set; }

    /// <summary>The queries that the lines name.</summary>
    public IReadOnlyCollection<string> Names => _names;

    /// <summary>The agents' clock: seconds of the oldest and the newest line, or null if no line says.</summary>
    public long? Oldest { get; private set; }

    public long? Newest { get; private set; }

    /// <summary>Scans a body. Of duplicate members the first counts. Costs one pass and no allocation per line.</summary>
    /// <exception cref="JsonException">It is not one JSON object.</exception>
    public static LogBody Scan(ReadOnlyMemory<byte> json)
    {
        var body = new LogBody(json);
        var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("The body must be a JSON object.");

        bool key = false, type = false, data = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = Member(ref reader);
            reader.Read();
            switch (member)
            {
                case 'k' when !key:
                    key = true;
                    body.NodeKey = JsonText.Bytes(ref reader, json, "node_key");
                    break;
                case 't' when !type:
                    type = true;
                    if (reader.TokenType != JsonTokenType.String) throw new JsonException("log_type must be a text.");
                    body.LogType = JsonText.String(ref reader);
                    break;

                // Lines that are not read must not be taken for received.
                case 'd' when data:
                    throw new JsonException("data comes twice.");
                case 'D':
                    throw new JsonException("data must be written in lower case.");
                case 'd' when reader.TokenType is JsonTokenType.Null || (reader.TokenType == JsonTokenType.String && reader.ValueSpan.IsEmpty):
                    data = true;
                    break;
                case 'd' when reader.TokenType != JsonTokenType.StartArray:
                    throw new JsonException("data must be a list of lines.");
                case 'd':
                    data = true;
                    var start = (int)reader.TokenStartIndex;
                    body.ScanLines(ref reader);
                    body.Lines = json[start..(int)reader.BytesConsumed];
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        // What is left must be nothing: a cut-off or doubled body is refused whole.
        while (reader.Read())
        {
        }

        return body;
    }

    /// <summary>Some of the lines, as a post of their own.</summary>
    public LogBody Slice(int from, int count)
    {
        if (from == 0 && count == Count) return this;
        return OfLines([(byte)'[', .. Json.Span[_lines[from].Start.._lines[from + count - 1].End], (byte)']']);
    }

    private static LogBody OfLines(byte[] array)
    {
        var body = new LogBody(array) { Lines = array };
        var reader = new Utf8JsonReader(array, JsonText.Lenient);
        reader.Read();
        body.ScanLines(ref reader);
        return body;
    }

    /// <summary>The same with other names for queries: for those that agents call otherwise than the configuration does.</summary>
    /// <param name="nameOf">The name that a query shall have, or null to keep its name.</param>
    public LogBody Renamed(Func<string, string?> nameOf)
    {
        Dictionary<string, JsonEncodedText>? names = null;
        foreach (var name in _names)
        {
            if (nameOf(name) is { } other) (names ??= new(StringComparer.Ordinal))[name] = JsonEncodedText.Encode(other);
        }

        if (names is null) return this;
        using var renamed = new MemoryStream(Lines.Length);
        var copied = 0;
        var line = new LineScanner(Lines.Span);
        while (line.Next())
        {
            if (!line.Name.IsThere || !names.TryGetValue(JsonText.Text(line.Name, line.Json)!, out var renaming)) continue;
            renamed.Write(Lines.Span[copied..line.Name.Start]);
            renamed.Write(renaming.EncodedUtf8Bytes);
            copied = line.Name.End;
        }

        renamed.Write(Lines.Span[copied..]);
        return OfLines(renamed.ToArray());
    }

    /// <summary>Digests of all lines, and of so many from the first on; null if there are fewer.</summary>
    public (string All, string? Beginning, bool IsUniform) DigestOf(int beginning)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        Span<byte> digest = stackalloc byte[32];
        string? begun = null;
        var isUniform = true;
        for (var i = 0; i < _lines.Count; i++)
        {
            var line = LineAt(i);
            BinaryPrimitives.WriteInt32LittleEndian(length, line.Length);
            hash.AppendData(length);
            hash.AppendData(line);
            isUniform = isUniform && line.SequenceEqual(LineAt(0));
            if (i + 1 != beginning) continue;
            hash.GetCurrentHash(digest);
            begun = Convert.ToHexStringLower(digest[..16]);
        }

        hash.GetHashAndReset(digest);
        return (Convert.ToHexStringLower(digest[..16]), begun, isUniform);
    }

    private ReadOnlySpan<byte> LineAt(int place) => Json.Span[_lines[place].Start.._lines[place].End];

    private static char Member(ref Utf8JsonReader reader) =>
        JsonText.Is(ref reader, "node_key"u8) ? 'k' : JsonText.Is(ref reader, "log_type"u8) ? 't' : JsonText.Is(ref reader, "data"u8) ? 'd'
        : reader.ValueSpan.Length == 4 && System.Text.Ascii.EqualsIgnoreCase(reader.ValueSpan, "data"u8) ? 'D' : ' ';

    private void ScanLines(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            Count++;
            var start = (int)reader.TokenStartIndex;
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                Bad++;
            }
            else
            {
                ScanLine(ref reader);
            }

            _lines.Add((start, (int)reader.BytesConsumed));
        }
    }

    private void ScanLine(ref Utf8JsonReader reader)
    {
        bool named = false, timed = false, result = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!named && JsonText.Is(ref reader, "name"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String) named = Note(ref reader);

                reader.Skip();
            }
            else if (!timed && JsonText.Is(ref reader, "unixTime"u8))
            {
                reader.Read();
                timed = true;
                if (JsonText.Number(ref reader) is { } time)
                {
                    Oldest = Math.Min(Oldest ?? time, time);
                    Newest = Math.Max(Newest ?? time, time);
                }

                reader.Skip();
            }
            else
            {
                result |= JsonText.Is(ref reader, "columns"u8) || JsonText.Is(ref reader, "diffResults"u8) || JsonText.Is(ref reader, "snapshot"u8);
                reader.Read();
                reader.Skip();
            }
        }

        if (!named || !result) Bad++;
    }

    /// <summary>False if a query cannot be called this.</summary>
    private bool Note(ref Utf8JsonReader reader)
    {
        // Lines of one query come in runs.
        if (reader.ValueSpan.SequenceEqual(_lastName)) return true;
        var name = JsonText.String(ref reader);
        if (!IsName(name)) return false;
        _lastName = reader.ValueSpan.ToArray();
        if (_names.Count < Limits.NamesInBatch) _names.Add(name);
        return true;
    }

    /// <summary>Names that are too long or hold control characters are no query's; their lines are kept as bad ones.</summary>
    public static bool IsName(string name) => name.Length <= Limits.LineNameCharacters && !name.Any(char.IsControl);
}
