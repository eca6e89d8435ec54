using System.Text.Json.Nodes;

namespace Fleet.Tests.Support;

/// <summary>Every known shape of a line, and every way to spoil one place of it.</summary>
internal static class Mutations
{
    /// <summary>Event, batch, snapshot and status lines, of old agents and new ones.</summary>
    private static readonly string[] s_shapes =
    [
        """{"name":"q","hostIdentifier":"h","calendarTime":"Mon Mar  2 12:00:00 2026 UTC","unixTime":1772452800,"epoch":0,"counter":1,"numerics":false,"decorations":{"user":"root"},"columns":{"pid":"1","path":"/bin/sh"},"action":"added"}""",
        """{"name":"q","unixTime":"1772452800","diffResults":{"added":[{"pid":"1"}],"removed":[{"pid":"2"}]},"decorations":{"user":"root"}}""",
        """{"name":"q","unixTime":"1772452800","diffResults":""}""",
        """{"name":"q","unixTime":1772452800,"snapshot":[{"pid":"1"},{"pid":2.5}],"action":"snapshot","team":"red"}""",
        """{"name":"q","unixTime":1772452800,"snapshot":"","action":"snapshot"}""",
        """{"name":"osquery_schedule","unixTime":1772452800,"snapshot":[{"name":"q","interval":"60","executions":"3","last_wall_time_ms":"7","denylisted":"1"}],"action":"snapshot"}""",
        """{"name":"system_info","unixTime":1772452800,"columns":{"computer_name":"web","hardware_serial":"7","physical_memory":"8"},"action":"added"}""",
        """{"hostIdentifier":"h","calendarTime":"Mon Mar  2 12:00:00 2026 UTC","unixTime":"1772452800","severity":"1","filename":"a.cpp","line":"7","message":"Scheduled query may have failed: q","version":"5.23.1","decorations":{"user":"root"}}""",
    ];

    private static readonly string[] s_values =
    [
        "null", "true", "17", "-1.5e300", "1e999", "\"\"", "\"text\"", "\"{bad\"", "\"[1\"", "\"\\ud800\"", "\"a\\u0000b\\n\"", "[]", "[1,\"x\",null,{},[]]", "{}", "{\"\":{\"a\":[1]},\"b\":null}",
        new string('[', 200) + new string(']', 200), string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100),
    ];

    /// <summary>Half a surrogate pair in a name, and a name that needs no escape and has one.</summary>
    private static readonly string[] s_names = ["\\ud800", "colu\\udc00mns", "\\u0063olumns"];

    /// <summary>Each line as JSON text: valid JSON, and no sensible line any more.</summary>
    public static IReadOnlyList<string> Lines { get; } = [.. s_shapes.SelectMany(Of).Concat(s_values).Concat(s_shapes).Distinct(StringComparer.Ordinal)];

    private static IEnumerable<string> Of(string shape)
    {
        foreach (var path in Places(JsonNode.Parse(shape)!, []))
        {
            foreach (var value in s_values) yield return With(shape, path, value);
            yield return Twice(shape, path);
            foreach (var odd in s_names) yield return Renamed(shape, path, odd);
            yield return Without(shape, path);
        }
    }

    private static IEnumerable<object[]> Places(JsonNode node, object[] at)
    {
        if (at.Length > 0) yield return at;
        var children = node switch
        {
            JsonObject json => json.Select(member => ((object)member.Key, member.Value)),
            JsonArray list => list.Select((item, i) => ((object)i, item)),
            _ => [],
        };
        foreach (var (name, child) in children)
        {
            foreach (var place in child is null ? [[.. at, name]] : Places(child, [.. at, name])) yield return place;
        }
    }

    /// <summary>A mark stands for the value, since what replaces it is no tree that .NET would write.</summary>
    private static string With(string shape, object[] path, string value)
    {
        var tree = JsonNode.Parse(shape)!;
        Put(tree, path, JsonValue.Create("MARK"));
        return tree.ToJsonString().Replace("\"MARK\"", value, StringComparison.Ordinal);
    }

    private static string Without(string shape, object[] path)
    {
        var tree = JsonNode.Parse(shape)!;
        var parent = At(tree, path[..^1]);
        if (parent is JsonObject json) json.Remove((string)path[^1]);
        else ((JsonArray)parent).RemoveAt((int)path[^1]);
        return tree.ToJsonString();
    }

    private static string Twice(string shape, object[] path)
    {
        if (path[^1] is not string name) return shape;
        var tree = JsonNode.Parse(shape)!;
        ((JsonObject)At(tree, path[..^1]))["MARK"] = 7;
        return tree.ToJsonString().Replace("\"MARK\"", $"\"{name}\"", StringComparison.Ordinal);
    }

    private static string Renamed(string shape, object[] path, string name)
    {
        if (path[^1] is not string) return shape;
        var tree = JsonNode.Parse(shape)!;
        var parent = (JsonObject)At(tree, path[..^1]);
        var value = parent[(string)path[^1]];
        parent.Remove((string)path[^1]);
        parent["MARK"] = value;
        return tree.ToJsonString().Replace("MARK", name, StringComparison.Ordinal);
    }

    private static void Put(JsonNode tree, object[] path, JsonNode value)
    {
        var parent = At(tree, path[..^1]);
        if (parent is JsonObject json) json[(string)path[^1]] = value;
        else ((JsonArray)parent)[(int)path[^1]] = value;
    }

    private static JsonNode At(JsonNode tree, object[] path) => path.Aggregate(tree, (node, step) => step is string name ? node[name]! : node[(int)step]!);
}
