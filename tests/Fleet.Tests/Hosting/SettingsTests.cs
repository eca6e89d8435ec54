using Fleet.Hosting;
using Fleet.Kernel;
using Microsoft.Extensions.Configuration;

namespace Fleet.Tests.Hosting;

public sealed class SettingsTests
{
    [Fact]
    public void Every_mistake_is_named_at_once_with_the_nearest_right_key()
    {
        var wrong = Assert.Throws<SettingsException>(() => Read(
            ("Enrol:TagDelimiter", "x"), ("Nodes:SilentAfter", "soon"), ("Logs:MinimumStatusSeverity", "9"), ("Limits:ConfigByte", "1"), ("Enroll:Reenroll", "never"),
            ("Url", "ftp://x"), ("Http:TrustedProxies", "nowhere"), ("Http:Certificate", "/c"), ("Sql:ExtraTables:0", "select 1")));
        foreach (var word in new[]
        {
            "did you mean Fleet__Enroll__TagDelimiter", "Fleet__Nodes__SilentAfter", "Fleet__Logs__MinimumStatusSeverity", "did you mean Fleet__Limits__ConfigBytes",
            "Fleet__Enroll__Reenroll", "Fleet__Url", "Fleet__Http__TrustedProxies", "Fleet__Http__CertificateKey", "Fleet__Sql__ExtraTables",
        })
        {
            Assert.Contains(word, wrong.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lists_come_one_by_one_or_with_commas_and_limits_by_name()
    {
        Assert.Equal(["a", "b"], Read(("Enroll:DefaultTags:0", "a"), ("Enroll:DefaultTags:1", "b")).Enroll.DefaultTags!);
        Assert.Equal(["a", "b"], Read(("Enroll:DefaultTags", "a, b")).Enroll.DefaultTags!);
        var limits = Read(("Limits:AnswerLease", "90s"), ("Limits:AnswerBytes", "5")).Limits;
        Assert.Equal((TimeSpan.FromSeconds(90), 5), (limits.AnswerLease, limits.AnswerBytes));
        Assert.Equal(Limits.Default with { AnswerLease = limits.AnswerLease, AnswerBytes = 5 }, limits);
    }

    [Theory]
    [InlineData("Storage:ConnectionString", "nonsense", "NAME=VALUE")]
    [InlineData("Storage:ConnectionString", "AccountName=a", "AccountKey")]
    [InlineData("Storage:TableEndpoint", "fleet", "address")]
    [InlineData("Storage:TableEndpoint", "https://127.0.0.1:10002/a", "Storage__BlobEndpoint")]
    [InlineData("Bus:Namespace", "sb://fleet/", "host's name")]
    [InlineData("Bus:ConnectionString", "Endpoint=sb://fleet.servicebus.windows.net/", "SharedAccessKey")]
    [InlineData("Vault:Uri", "my-vault", "address")]
    public void A_wrong_address_of_a_service_says_what_is_expected(string key, string value, string expected)
    {
        var fault = Assert.Throws<SettingsException>(() => Read((key, value)));
        Assert.Contains("Fleet__" + key.Replace(":", "__", StringComparison.Ordinal), fault.Message, StringComparison.Ordinal);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_with_single_underscores_and_certificates_without_TLS_are_mistakes()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Fleet_Storage_ConnectionString"] = "x" }).Build();
        Assert.Contains("two underscores", Assert.Throws<SettingsException>(() => Settings.Read(configuration)).Message, StringComparison.Ordinal);
        Assert.Contains("https", Assert.Throws<SettingsException>(() => Read(("Url", "http://localhost:80"), ("Certificates:Authorities", new Fleet.Shared.TestAuthority("a").Pem))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_service_is_chosen_by_its_own_setting_and_once()
    {
        Assert.True(Read().Backends is { HasStorage: false, HasBus: false, IsEmbedded: true });
        Assert.True(Read(("Storage:ConnectionString", "UseDevelopmentStorage=true")).Backends is { HasStorage: true, HasBus: false, IsEmbedded: true });
        Assert.True(Read(("Storage:TableEndpoint", "https://fleet.table.core.windows.net"), ("Bus:Namespace", "fleet.servicebus.windows.net"), ("Vault:Uri", "https://fleet.vault.azure.net")).Backends is { IsEmbedded: false });
        Assert.Throws<SettingsException>(() => Read(("Storage:TableEndpoint", "https://fleet.table.core.windows.net"), ("Storage:ConnectionString", "UseDevelopmentStorage=true")));
        Assert.Throws<SettingsException>(() => Read(("Bus:Namespace", "fleet.servicebus.windows.net"), ("Bus:ConnectionString", "Endpoint=sb://f/;SharedAccessKeyName=a;SharedAccessKey=b")));
    }

    [Theory]
    [InlineData("http://fleet.example.org:80", false)]
    [InlineData("http://10.0.0.1:80", false)]
    [InlineData("http://localhost:8080", true)]
    [InlineData("http://127.0.0.1:8080", true)]
    [InlineData("https://fleet.example.org", true)]
    public void Plain_HTTP_is_for_loopback_unless_it_is_allowed(string url, bool allowed)
    {
        if (allowed) Read(("Url", url));
        else Assert.Throws<SettingsException>(() => Read(("Url", url)));
        Read(("Url", url), ("Http:AllowPlain", "true"));
    }

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("1.5m", 90)]
    [InlineData("2h", 7200)]
    [InlineData("30d", 2592000)]
    [InlineData("00:01:30", 90)]
    [InlineData("90", -1)]
    [InlineData("-5s", -1)]
    [InlineData("s", -1)]
    [InlineData("", -1)]
    [InlineData("9999999999d", -1)]
    public void Spans_of_time_are_read_as_people_write_them(string text, int seconds) =>
        Assert.Equal(seconds, Duration.TryParse(text, out var span) ? (int)span.TotalSeconds : -1);

    private static Settings Read(params (string Key, string Value)[] settings) =>
        Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(pair => "Fleet:" + pair.Key, pair => (string?)pair.Value)).Build());
}
