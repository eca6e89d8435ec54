using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>Reads packs and configurations as osquery's file plugin does: comments, trailing commas and joined lines are fine there, though not over TLS.</summary>
internal static partial class OsqueryFile
{
    private static readonly JsonDocumentOptions s_relaxed = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, MaxDepth = 64 };

    /// <exception cref="BadFileException">It is no JSON object; says where it goes wrong.</exception>
    public static JsonObject Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith((byte[])[0xFF, 0xFE]) || bytes.StartsWith((byte[])[0xFE, 0xFF]) || bytes.Contains((byte)0))
        {
            throw new BadFileException("This file is UTF-16 text or no text at all, and osquery reads UTF-8. PowerShell's '>' writes UTF-16: save the file as UTF-8.");
        }

        var text = Join(Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF'));
        try
        {
            using var document = JsonDocument.Parse(text, s_relaxed);
            return Copy(document.RootElement) as JsonObject ?? throw new BadFileException("A pack or configuration is a JSON object.");
        }
        catch (JsonException fault)
        {
            throw new BadFileException(YamlFault(text) ?? $"Not JSON, in line {fault.LineNumber + 1}, column {fault.BytePositionInLine + 1}: {WithoutPlace(fault.Message)}", fault);
        }
    }

    /// <summary>What to say of YAML; null if the text is none.</summary>
    private static string? YamlFault(string text) =>
        !YamlStart().IsMatch(text) ? null
        : FleetSpec().IsMatch(text) ? "This is YAML of fleetdm's Fleet, not JSON. Packs and configurations are imported as osquery's JSON: write its queries as {\"queries\": {\"name\": {\"query\": …, \"interval\": …}}}."
        : "This is YAML, not JSON. Packs and configurations are imported as osquery's JSON; 'fleet apply' reads the YAML that 'fleet export' writes.";

    /// <summary>The reader's own words, without its places, which count from zero.</summary>
    private static string WithoutPlace(string message) => message.Split(" LineNumber: ")[0];

    [GeneratedRegex(@"\A\s*((#[^\n]*|---[^\S\n]*)\n\s*)*(- )?[A-Za-z_][\w.-]*:(\s|\z)")]
    private static partial Regex YamlStart();

    [GeneratedRegex(@"^(apiVersion|spec|config|command_line_flags|agent_options):", RegexOptions.Multiline)]
    private static partial Regex FleetSpec();

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
        var swallowed = 0;
        foreach (var line in text.ReplaceLineEndings("\n").Split('\n'))
        {
            if (!continues && line.TrimStart().StartsWith('#'))
            {
                joined.Append('\n');
                continue;
            }

            continues = line.EndsWith('\\');
            if (continues)
            {
                joined.Append(line, 0, line.Length - 1);
                swallowed++;
            }
            else
            {
                // As many lines as there were: faults are told by their line.
                joined.Append(line).Append('\n', swallowed + 1);
                swallowed = 0;
            }
        }

        return joined.ToString();
    }
}
