using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Fleet.Cli;

/// <summary>JSON as YAML and back, unchanged: what is a text stays one, whatever it looks like. YAML 1.2's core schema: <c>yes</c> and <c>on</c> are texts.</summary>
internal static partial class YamlJson
{
    private const int MostDepth = 64;

    /// <summary>Of one document. Aliases that name aliases make gigabytes of a kilobyte.</summary>
    private const int MostNodes = 1_000_000;

    /// <summary>The documents of a file. JSON is YAML too.</summary>
    /// <exception cref="FormatException">It is no YAML, or a document is no mapping; says where.</exception>
    public static IEnumerable<JsonObject> Read(string text, string file)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException fault)
        {
            throw new FormatException($"{file}, line {fault.Start.Line}: {fault.Message}", fault);
        }

        foreach (var document in stream.Documents)
        {
            if (document.RootNode is YamlScalarNode { Value: null or "" }) continue;
            var left = MostNodes;
            yield return Convert(document.RootNode, file, 0, ref left) as JsonObject ?? throw new FormatException($"{file}, line {document.RootNode.Start.Line}: a document is a mapping.");
        }
    }

    public static string Write(JsonNode json)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        var emitter = new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue).WithNewLine("\n"));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart(null, null, isImplicit: true));
        Emit(emitter, json);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static JsonNode? Convert(YamlNode node, string file, int depth, ref int left)
    {
        if (--left < 0) throw new FormatException($"{file}, line {node.Start.Line}: more than {MostNodes} values, aliases counted as often as they stand.");
        if (depth > MostDepth) throw new FormatException($"{file}, line {node.Start.Line}: nested more than {MostDepth} deep.");
        switch (node)
        {
            case YamlMappingNode mapping:
                var json = new JsonObject();
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is not YamlScalarNode { Value: { } name }) throw new FormatException($"{file}, line {key.Start.Line}: a key is a text.");
                    json[name] = Convert(value, file, depth + 1, ref left);
                }

                return json;
            case YamlSequenceNode sequence:
                var array = new JsonArray();
                foreach (var child in sequence.Children) array.Add(Convert(child, file, depth + 1, ref left));
                return array;
            case YamlScalarNode { Style: ScalarStyle.Plain } plain:
                return Scalar(plain.Value ?? "");
            case YamlScalarNode quoted:
                return JsonValue.Create(quoted.Value);
            default:
                throw new FormatException($"{file}, line {node.Start.Line}: this is not understood.");
        }
    }

    private static JsonNode? Scalar(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ => JsonNumber().IsMatch(text) ? JsonNode.Parse(text) : JsonValue.Create(text),
    };

    private static void Emit(IEmitter emitter, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject json:
                emitter.Emit(new MappingStart(AnchorName.Empty, TagName.Empty, isImplicit: true, json.Count == 0 ? MappingStyle.Flow : MappingStyle.Block));
                foreach (var (name, value) in json)
                {
                    Emit(emitter, JsonValue.Create(name));
                    Emit(emitter, value);
                }

                emitter.Emit(new MappingEnd());
                break;
            case JsonArray array:
                emitter.Emit(new SequenceStart(AnchorName.Empty, TagName.Empty, isImplicit: true, array.Count == 0 ? SequenceStyle.Flow : SequenceStyle.Block));
                foreach (var item in array) Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case null:
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, "null", ScalarStyle.Plain, isPlainImplicit: true, isQuotedImplicit: false));
                break;
            default:
                var isText = node.GetValueKind() == JsonValueKind.String;
                var text = isText ? node.GetValue<string>() : node.ToJsonString();
                emitter.Emit(new Scalar(AnchorName.Empty, TagName.Empty, text, isText ? StyleOf(text) : ScalarStyle.Plain, isPlainImplicit: !isText || StyleOf(text) == ScalarStyle.Plain, isQuotedImplicit: isText));
                break;
        }
    }

    /// <summary>Plain where it can be mistaken for nothing, lines where there are some, and quotes for all else.</summary>
    private static ScalarStyle StyleOf(string text) =>
        Plain().IsMatch(text) && !Words().IsMatch(text) ? ScalarStyle.Plain
        : Lines().IsMatch(text) ? ScalarStyle.Literal
        : ScalarStyle.DoubleQuoted;

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$")]
    private static partial Regex JsonNumber();

    [GeneratedRegex(@"^[A-Za-z_/][A-Za-z0-9_./%*()=,<>'+-]*( [A-Za-z0-9_./%*()=,<>'+-]+)*$")]
    private static partial Regex Plain();

    [GeneratedRegex("^(null|true|false|yes|no|on|off|y|n|nan|inf)$", RegexOptions.IgnoreCase)]
    private static partial Regex Words();

    /// <summary>Several lines of what can be seen, none of which begins or ends in a blank.</summary>
    [GeneratedRegex(@"^[!-~]([ -~]*[!-~])?(\n[!-~]([ -~]*[!-~])?)+\n?$")]
    private static partial Regex Lines();
}
