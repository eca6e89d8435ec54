using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>Reads packs and configurations as osquery's file plugin does: comments, trailing commas and joined lines are fine there, though not over TLS.</summary>
internal static class OsqueryFile
{
    private static readonly JsonDocumentOptions s_relaxed = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 64 };

    /// <exception cref="BadFileException">It is no JSON object; says where it goes wrong.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> bytes)
    {
        var text = Join(Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF'));
        try
        {
            using var document = JsonDocument.Parse(text, s_relaxed);
            return Copy(document.RootElement) as JsonObject ?? throw new BadFileException("A pack or configuration is a JSON object.");
        }
        catch (JsonException fault)
        {
            throw new BadFileException($"Not JSON: {fault.Message}", fault);
        }
    }

    /// <summary>Of members that come twice the first counts, as in osquery.</summary>
    private static JsonNode? Copy(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var json = new JsonObject();
                foreach (var member in element.EnumerateObject())
                {
                    if (!json.ContainsKey(member.Name)) json[member.Name] = Copy(member.Value);
                }

                return json;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Copy)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(element.Clone());
        }
    }

    /// <summary>A line that ends in a backslash goes on in the next one; a line that begins with <c>#</c> is a comment.</summary>
    private static string Join(string text)
    {
        if (!text.Contains("\\\n", StringComparison.Ordinal) && !text.Contains("\\\r\n", StringComparison.Ordinal) && !text.Contains('#', StringComparison.Ordinal)) return text;
        var joined = new StringBuilder(text.Length);
        var continues = false;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (!continues && line.TrimStart().StartsWith('#'))
            {
                joined.Append('\n');
                continue;
            }

            continues = line.EndsWith('\\');
            joined.Append(continues ? line[..^1] : line + "\n");
        }

        return joined.ToString();
    }
}
