using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;

namespace Fleet.Tests.Rules;

/// <summary>What goes beyond Doorman's operators and fields.</summary>
public sealed class OperatorTests
{
    [Theory]
    [InlineData("1.9.0", "1.10.0")]
    [InlineData("1.0.0-rc.1", "1.0.0")]
    [InlineData("1.0.0-alpha", "1.0.0-alpha.1")]
    [InlineData("1.0.0-alpha.1", "1.0.0-beta")]
    [InlineData("1.0.0-rc.2", "1.0.0-rc.11")]
    [InlineData("v1.2.3", "v1.2.4")]
    [InlineData("1.2.3", "v1.2.4")]
    [InlineData("1.0~rc1", "1.0")]
    [InlineData("2.0", "1:1.0")]
    [InlineData("1.2.3-1", "1.2.3-1ubuntu1")]
    [InlineData("1.2.3-1", "1.2.3-2")]
    [InlineData("1.2-3.el8", "1.2-3.el9")]
    [InlineData("7.4p1-10+deb9u6", "7.4p1-10+deb9u7")]
    [InlineData("7.88.1-10+deb12u5", "7.88.1-10+deb12u6")]
    [InlineData("2.9.14+dfsg-1.3~deb12u1", "2.9.14+dfsg-1.3~deb12u2")]
    [InlineData("1.0-1", "1.0+dfsg-1")]
    [InlineData("1.2.3-1", "1.2.3+dfsg-1")]
    [InlineData("1.2.3", "1.2.3+deb12u1")]
    [InlineData("1.2.3-4", "1.2.3-4+b1")]
    [InlineData("5.15.0-91-generic", "5.15.0-92-generic")]
    [InlineData("2:1.0-9", "2:1.0.1-1")]
    [InlineData("10.0.19045.3803", "10.0.22621.1")]
    [InlineData("007", "8")]
    [InlineData("1.0", "1.0.1")]
    [InlineData("99999999999999999999998", "99999999999999999999999")]
    public void Versions_have_an_order(string older, string newer)
    {
        Assert.True(Holds("version_less", older, newer));
        Assert.True(Holds("version_greater", newer, older));
        Assert.False(Holds("version_less", newer, older));
        Assert.False(Holds("version_greater", older, newer));
    }

    [Theory]
    [InlineData("1.2.3", "1.2.3")]
    [InlineData("v1.2.3", "1.2.3")]
    [InlineData("1.02", "1.2")]
    [InlineData("0:1.2", "1.2")]
    [InlineData("1.2.3+build.7", "1.2.3+build.8")]
    [InlineData("1.2.3-rc.1+build.7", "1.2.3-rc.1+build.8")]
    [InlineData("1.0-0", "1.0")]
    public void Equal_versions_are_neither_less_nor_greater(string a, string b) => Assert.False(Holds("version_less", a, b) || Holds("version_greater", a, b));

    [Theory]
    [InlineData("")]
    [InlineData("unknown")]
    [InlineData("~")]
    public void What_has_no_digit_is_no_version(string text) => Assert.False(Holds("version_less", text, "1.0") || Holds("version_greater", text, "1.0"));

    [Fact]
    public void Versions_are_ordered_totally() => Prop.ForAll<int>(seed =>
    {
        var random = new Random(seed);
        string Next() => string.Concat(Enumerable.Range(0, 1 + random.Next(6)).Select(_ => "0119.~-+a:rv"[random.Next(12)]));
        var (a, b, c) = (Next(), Next(), Next());
        int? Order(string x, string y) => VersionOrder.Compare(Encoding.UTF8.GetBytes(x), Encoding.UTF8.GetBytes(y)) is { } order ? Math.Sign(order) : null;
        return Order(a, b) == -Order(b, a) && !(Order(a, b) <= 0 && Order(b, c) <= 0 && Order(a, c) > 0) && Order(a, a) is 0 or null;
    }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("10.1.2.3", """["10.0.0.0/8"]""", true)]
    [InlineData("11.1.2.3", """["10.0.0.0/8","11.1.2.3"]""", true)]
    [InlineData("11.1.2.4", """["10.0.0.0/8","11.1.2.3"]""", false)]
    [InlineData("10.1.2.3", "\"10.0.0.0/8\"", true)]
    [InlineData("::ffff:10.1.2.3", """["10.0.0.0/8"]""", true)]
    [InlineData("10.1.2.3", """["::ffff:10.0.0.0/104"]""", true)]
    [InlineData("2001:db8::1", """["2001:db8::/32"]""", true)]
    [InlineData("fe80::1%eth0", """["fe80::/10"]""", true)]
    [InlineData("2001:db9::1", """["2001:db8::/32"]""", false)]
    [InlineData("192.0.2.1", """["0.0.0.0/0"]""", true)]
    [InlineData("::1", """["0.0.0.0/0"]""", false)]
    [InlineData("::1", """["::/0"]""", true)]
    [InlineData("10.1.2", """["10.0.0.0/8"]""", false)]
    [InlineData("10.1.2.3.4", """["10.0.0.0/8"]""", false)]
    [InlineData("10.1.2.256", """["10.0.0.0/8"]""", false)]
    [InlineData("", """["0.0.0.0/0"]""", false)]
    [InlineData("somewhere", """["::/0"]""", false)]
    public void Addresses_are_in_networks(string address, string networks, bool expected)
    {
        Assert.Equal(expected, HoldsRaw("in_cidr", address, networks));
        Assert.Equal(!expected, HoldsRaw("not_in_cidr", address, networks));
    }

    [Theory]
    [InlineData("zz9", "a|zz", true)]
    [InlineData("zz9", "a|9", false)]
    [InlineData("zz9", "(?x)zz # what comes then", true)]
    [InlineData("zz9", "(?x) 9 # what comes then )", false)]
    public void A_pattern_is_anchored_whatever_is_in_it(string value, string pattern, bool expected) => Assert.Equal(expected, HoldsRaw("matches_regex", value, $"\"{pattern}\""));

    [Theory]
    [InlineData("010.0.0.1", "10.0.0.1/32", true)]
    [InlineData("8.0.0.1", "010.0.0.1/32", false)]
    public void Parts_of_an_address_are_decimal(string address, string network, bool expected) => Assert.Equal(expected, HoldsRaw("in_cidr", address, $"[\"{network}\"]"));

    [Theory]
    [InlineData("""{"field":"tag","operator":"equal","value":"web"}""", true)]
    [InlineData("""{"field":"tag","operator":"equal","value":"mail"}""", false)]
    [InlineData("""{"field":"tag","operator":"not_equal","value":"mail"}""", true)]
    [InlineData("""{"field":"tag","operator":"not_equal","value":"web"}""", false)]
    [InlineData("""{"field":"tag","operator":"begins_with","value":"pr"}""", true)]
    [InlineData("""{"field":"tag","operator":"in","value":["mail","prod"]}""", true)]
    [InlineData("""{"field":"tag","operator":"is_empty"}""", false)]
    [InlineData("""{"field":"tag","operator":"is_not_empty"}""", true)]
    [InlineData("""{"field":"platform","operator":"equal","value":"linux"}""", true)]
    [InlineData("""{"field":"platform","operator":"in","value":["darwin","windows"]}""", false)]
    [InlineData("""{"field":"decoration","operator":"equal","value":["user","ada"]}""", true)]
    [InlineData("""{"field":"decoration","operator":"column_equal","value":["user","ada"]}""", true)]
    [InlineData("""{"field":"decoration","operator":"decoration_contains","value":["site","erl"]}""", true)]
    [InlineData("""{"field":"decoration","operator":"equal","value":["absent","ada"]}""", false)]
    [InlineData("""{"field":"decoration","operator":"not_equal","value":["absent","ada"]}""", true)]
    [InlineData("""{"field":"column","operator":"column_equal","value":["user","ada"]}""", false)]
    public void Rules_ask_of_tags_platform_and_decorations(string condition, bool expected)
    {
        var line = """[{"name":"q","site":"Berlin","decorations":{"user":"ada"},"columns":{"a":"1"}}]"""u8.ToArray();
        Assert.Equal(expected, Judged($$"""{"condition":"AND","rules":[{{condition}}]}""", line).Count == 1);
    }

    [Theory]
    [InlineData("""{"field":"column","operator":"column_version_less","value":["v","none"]}""", "no version")]
    [InlineData("""{"field":"column","operator":"column_in_cidr","value":["a","10.0.0.0/33"]}""", "no network")]
    [InlineData("""{"field":"column","operator":"column_in_cidr","value":["a","10/8"]}""", "no network")]
    [InlineData("""{"field":"column","operator":"column_in_cidr","value":["a","10.1/16"]}""", "no network")]
    [InlineData("""{"field":"column","operator":"column_in_cidr","value":["a","167772160/8"]}""", "no network")]
    [InlineData("""{"field":"column","operator":"column_in_cidr","value":["a","10.0.0.0/"]}""", "no network")]
    [InlineData("""{"field":"column","operator":"column_first_seen","value":["a","world"]}""", "neither 'node'")]
    [InlineData("""{"field":"tag","operator":"first_seen","value":"node"}""", "a column or a decoration")]
    [InlineData("""{"field":"decoration","operator":"equal","value":7}""", "[\"NAME\", operand]")]
    [InlineData("""{"field":"column","operator":"column_matches_regex","value":["a","(("]}""", "no regular expression: insufficient closing parentheses")]
    [InlineData("""{"field":"column","operator":"column_matches_regex","value":["a","a)|(?:b"]}""", "no regular expression: insufficient opening parentheses")]
    [InlineData("""{"field":"column","operator":"column_matches_regex","value":["a","(?=x)y"]}""", "needs backtracking")]
    [InlineData("""{"field":"column","operator":"column_matches_regex","value":["a","(a{1,1000}){1,1000}b"]}""", "too large")]
    public void A_wrong_operand_is_refused_with_what_to_do(string condition, string complaint)
    {
        using var json = JsonDocument.Parse($$"""{"condition":"AND","rules":[{{condition}}]}""");
        Assert.Null(RuleParser.Parse(json.RootElement, Limits.Default, out var faults));
        Assert.Contains(complaint, Assert.Single(faults).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name":"q","columns":{"a":"tab\there \"x\" \u00e9 \ud83d\ude00 \ud800"}}""", "tab\there \"x\" é 😀 \uFFFD")]
    [InlineData("""{"name":"q","columns":{"a":{"deep":[1,"}"]}}}""", """{"deep":[1,"}"]}""")]
    [InlineData("""{"columns":{"b":"]}","a":17},"name":"q"}""", "17")]
    [InlineData("""{"name":"q","columns":{"\u0061":"1","a":"2"}}""", "1")]
    [InlineData("""{ "name" : "q" , "columns" : { "a" : true } }""", "true")]
    [InlineData("""{"name":"q\/r","snapshot":[{"b":"x"},{"a":"y"}],"columns":{"a":"z"}}""", "z")]
    [InlineData("""{"name":"q","diffResults":{"removed":"","added":[{"a":"y"}]}}""", "y")]
    [InlineData("""{"name":"q","snapshot":[{"b":"x"},{"a":"y"}]}""", "y")]
    public void Values_are_read_whatever_their_JSON(string line, string value)
    {
        var rule = JsonSerializer.Serialize(new { condition = "AND", rules = new[] { new { field = "column", @operator = "column_equal", value = new[] { "a", value } } } });
        Assert.Single(Judged(rule, Encoding.UTF8.GetBytes($"[{line}]")));
    }

    [Fact]
    public void Lines_that_are_no_result_match_nothing_and_disturb_nothing()
    {
        var lines = """["text",17,null,[],{},{"name":7,"columns":{"a":"1"}},{"columns":{"a":"1"}},{"name":"q"},{"name":"q","columns":"","action":"x"},{"name":"q","columns":{"a":"1"}}]"""u8.ToArray();
        Assert.Equal(9, Assert.Single(Judged("""{"condition":"AND","rules":[{"field":"column","operator":"column_equal","value":["a","1"]}]}""", lines)).Row.Line);
    }

    private static bool Holds(string op, string actual, string expected) => HoldsRaw(op, actual, JsonSerializer.Serialize(expected));

    private static bool HoldsRaw(string op, string actual, string expected) => Judged(
        $$"""{"condition":"AND","rules":[{"field":"column","operator":"column_{{op}}","value":["c",{{expected}}]}]}""",
        JsonSerializer.SerializeToUtf8Bytes(new[] { new { name = "q", columns = new { c = actual } } })).Count == 1;

    private static IReadOnlyList<Match> Judged(string conditions, byte[] lines) =>
        new RuleSet([RuleSetTests.Compiled("r", conditions)]).NewJudge().Matches(lines, default, new(default, "h", "linux", TagSet.Of(["web", "prod"])));
}
