using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Fleet.Kernel;

/// <summary>Reading JSON that agents wrote: lone surrogates, numbers as text, duplicate members.</summary>
/// <remarks>Feed it repaired UTF-8 (<see cref="Utf8Repair"/>). Of duplicate members the first counts, as in the agent's own RapidJSON.</remarks>
internal static class JsonText
{
    /// <summary>Deep enough for what extensions log, and no stack to overflow.</summary>
    public static JsonReaderOptions Lenient { get; } = new() { MaxDepth = 512 };

    /// <summary>The string or member name under the reader; a lone surrogate becomes U+FFFD.</summary>
    public static string String(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped) return Encoding.UTF8.GetString(Span(ref reader));
        try
        {
            return reader.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            return Unescape(Encoding.UTF8.GetString(Span(ref reader)));
        }
    }

    /// <summary>Whether the string or member name under the reader is this one. .NET's own comparison throws at a lone surrogate.</summary>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text) =>
        reader.ValueIsEscaped ? reader.ValueSpan.Length <= 6 * text.Length && Encoding.UTF8.GetBytes(String(ref reader)).AsSpan().SequenceEqual(text) : reader.ValueSpan.SequenceEqual(text);

    /// <summary>Where the bytes of the scalar under the reader lie, a text's without its quotes; nowhere for null.</summary>
    /// <exception cref="JsonException">It is an object or a list.</exception>
    public static ReadOnlyMemory<byte> Bytes(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json, string member) => reader.TokenType switch
    {
        JsonTokenType.String => json.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length),
        JsonTokenType.Null => default,
        JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => json.Slice((int)reader.TokenStartIndex, reader.ValueSpan.Length),
        _ => throw new JsonException($"{member} must be a text."),
    };

    /// <summary>A scalar as text: strings unescaped, numbers and booleans as written, null as null; an object or array as its JSON.</summary>
    /// <remarks>The reader is left at the value's end.</remarks>
    public static string? Scalar(ref Utf8JsonReader reader, ReadOnlySpan<byte> json)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return String(ref reader);
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                return Encoding.UTF8.GetString(json[start..(int)reader.BytesConsumed]);
            default:
                return Encoding.UTF8.GetString(Span(ref reader));
        }
    }

    /// <summary>A whole number, whether it came as a number or, as from 2.x agents, as text.</summary>
    public static long? Number(ref Utf8JsonReader reader)
    {
        return reader.TokenType is JsonTokenType.Number or JsonTokenType.String ? Number(Span(ref reader)) : null;
    }

    /// <summary>A whole number, or the whole part of one with decimals or an exponent.</summary>
    public static long? Number(ReadOnlySpan<byte> text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && Math.Abs(real) < 1e15
            ? (long)real
            : null;
    }

    /// <summary>A value as text: what <see cref="Scalar"/> says, of a part.</summary>
    public static string? Text(JsonPart part, ReadOnlySpan<byte> json)
    {
        if (part.Kind == JsonKind.Null) return null;
        if (part.Kind != JsonKind.EscapedText) return Encoding.UTF8.GetString(part.In(json));
        var reader = new Utf8JsonReader(part.Quoted(json));
        reader.Read();
        return String(ref reader);
    }

    private static ReadOnlySpan<byte> Span(ref Utf8JsonReader reader) => reader.ValueSpan;

    private static string Unescape(string escaped)
    {
        var text = new StringBuilder(escaped.Length);
        for (var i = 0; i < escaped.Length; i++)
        {
            if (escaped[i] != '\\')
            {
                text.Append(escaped[i]);
                continue;
            }

            i++;
            if (escaped[i] == 'u')
            {
                text.Append((char)ushort.Parse(escaped.AsSpan(i + 1, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                i += 4;
            }
            else
            {
                text.Append(escaped[i] switch { 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', var c => c });
            }
        }

        // Through UTF-8 and back: what is no pair becomes U+FFFD.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
