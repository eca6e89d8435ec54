using System.Text.Json;
using Fleet.Kernel;

namespace Fleet.Agents;

/// <summary>The members of a small body: the node key, and what <c>config</c> adds to it.</summary>
internal readonly record struct NodeKeyBody(ReadOnlyMemory<byte> NodeKey, string? Etag)
{
    /// <summary>Reads <c>node_key</c> and <c>etag</c>; of duplicates the first counts.</summary>
    /// <exception cref="JsonException">It is not one JSON object, or its node key is no text.</exception>
    public static NodeKeyBody Read(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("The body must be a JSON object.");

        ReadOnlyMemory<byte> key = default;
        string? etag = null;
        var hasKey = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!hasKey && JsonText.Is(ref reader, "node_key"u8))
            {
                hasKey = true;
                reader.Read();
                key = JsonText.Bytes(ref reader, json, "node_key");
            }
            else if (etag is null && JsonText.Is(ref reader, "etag"u8))
            {
                reader.Read();
                if (reader.TokenType == JsonTokenType.String) etag = JsonText.String(ref reader);
            }
            else
            {
                reader.Read();
            }

            reader.Skip();
        }

        while (reader.Read())
        {
        }

        return new(key, etag);
    }
}
