using System.Text.Json.Nodes;
using Fleet.Cli;
using FsCheck;
using FsCheck.Fluent;

namespace Fleet.Tests.Cli;

public sealed class YamlJsonTests
{
    private static readonly string[] s_odd =
    [
        "", " ", "null", "~", "true", "No", "on", "1", "-0", "1.50", "1e5", "0x1F", "1_000", "007", "2026-01-01", "a: b", "- x", "# c", "'", "\"", "\\", "%", "@x", "`x", "!x", "&a", "*a", "|", ">", "{", "[", "a,b",
        "line\nline", "line\n", "\nline", "line\n\nline", "  x\ny", "tab\tx", "x \ny", "cr\r\nlf", "\u0001", "\u2028", "büro", "😀", "select *\nfrom t\n", "a #b", "a:", ":a", "...", "---", "? x", "=", "<<", ".nan", "NaN",
    ];

    [Fact]
    public void Any_JSON_comes_back_from_YAML_as_it_was()
    {
        var text = Gen.OneOf(Gen.Elements(s_odd), ArbMap.Default.GeneratorFor<NonNull<string>>().Select(one => string.Concat(one.Get.Where(c => !char.IsSurrogate(c) && c != '\0'))));
        var scalar = Gen.OneOf(
            text.Select(one => (JsonNode?)JsonValue.Create(one)), Gen.Elements(0, -7, 1_000_000).Select(one => (JsonNode?)JsonValue.Create(one)), Gen.Elements(true, false).Select(one => (JsonNode?)JsonValue.Create(one)),
            Gen.Constant((JsonNode?)null), Gen.Elements("1.50", "-0.1", "1e5").Select(one => JsonNode.Parse(one)));
        var value = Gen.Sized(size => ValueOf(Math.Min(size / 25, 3)));
        var json = text.Zip(value).ArrayOf().Select(members => new JsonObject(members.DistinctBy(member => member.Item1).Select(member => KeyValuePair.Create(member.Item1, member.Item2))));
        Prop.ForAll(json.ToArbitrary(), one =>
        {
            var yaml = YamlJson.Write(one);
            return JsonNode.DeepEquals(one, YamlJson.Read(yaml, "f").Single()).Label(yaml);
        }).QuickCheckThrowOnFailure();

        Gen<JsonNode?> ValueOf(int depth) => depth == 0 ? scalar : Gen.OneOf(
            scalar,
            ValueOf(depth - 1).ArrayOf().Select(items => (JsonNode?)new JsonArray([.. items.Select(item => item?.DeepClone())])),
            text.Zip(ValueOf(depth - 1)).ArrayOf().Select(members => (JsonNode?)new JsonObject(members.DistinctBy(member => member.Item1).Select(member => KeyValuePair.Create(member.Item1, member.Item2?.DeepClone())))));
    }

    [Fact]
    public void Several_documents_comments_and_flow_style_are_read()
    {
        var read = YamlJson.Read("# c\nkind: query\nspec: {sql: 'select 1', on: yes, n: 5, s: \"5\", list: [a, 1]}\n---\n{\"kind\": \"pack\"}\n---\n", "f").ToList();
        Assert.Equal("""{"kind":"query","spec":{"sql":"select 1","on":"yes","n":5,"s":"5","list":["a",1]}}""", read[0].ToJsonString());
        Assert.Equal(2, read.Count);
    }

    [Theory]
    [InlineData("a: [", "f, line 2")]
    [InlineData("- a\n- b", "f, line 1: a document is a mapping.")]
    [InlineData("a: 1\na: 2", "f, line")]
    [InlineData("? [x]\n: 1", "f, line 1: a key is a text.")]
    public void What_is_wrong_is_told_with_its_line(string yaml, string words) =>
        Assert.StartsWith(words, Assert.Throws<FormatException>(() => YamlJson.Read(yaml, "f").ToList()).Message, StringComparison.Ordinal);
}
