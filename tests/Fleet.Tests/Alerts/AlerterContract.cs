using System.Text;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Tests.Support;

namespace Fleet.Tests.Alerts;

/// <summary>What every alerter promises, whatever it talks to. Derive once for each.</summary>
public abstract class AlerterContract
{
    private protected static readonly Uri s_site = new("https://fleet.example.org");

    /// <summary>An alerter whose service does as it is told.</summary>
    private protected abstract Task<IAlerter> StartAsync();

    /// <summary>What came to the service since the last look, as text.</summary>
    private protected abstract Task<IReadOnlyList<string>> CameAsync();

    private protected static AlerterMaker Maker { get; } = new(
        Limits.Default with { AlerterTimeout = TimeSpan.FromSeconds(5) }, TimeProvider.System, new(["127.0.0.0/8", "::1"]), new(Path.GetTempPath(), ["/dev/shm"]), (scope, _) => new("token for " + scope));

    private protected static Notice NoticeOf(AlertEvent what = AlertEvent.Opened, string text = "It should not.", string title = "A program runs from /tmp", string severity = "high")
    {
        var draft = Drafts.Of("web-1", at: new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), severity: severity).Alert;
        var alert = draft with { Id = Digest.Of("an alert"), Title = title, Message = text, Runbook = "https://example.org/runbook", Events = what == AlertEvent.Opened ? "o" : "o" + (char)what };
        return Notice.Of(what, alert, new("a", "a", new Dictionary<string, string>()), s_site);
    }

    private protected static ValueTask<Delivery> TellAsync(IAlerter alerter, Notice notice, TimeSpan? within = null) =>
        Delivery.OfAsync(alerter, notice, Limits.Default with { AlerterTimeout = within ?? TimeSpan.FromSeconds(10) }, default);

    [Fact]
    public virtual async Task An_alert_is_delivered_with_rule_host_and_severity()
    {
        var alerter = await StartAsync();
        Assert.Equal(Delivery.Ok, await TellAsync(alerter, NoticeOf()));
        var came = Assert.Single(await CameAsync());
        Assert.Contains("A program runs from /tmp", came, StringComparison.Ordinal);
        Assert.Contains("web-1", came, StringComparison.Ordinal);
    }

    [Fact]
    public virtual async Task Letters_of_all_languages_arrive()
    {
        var alerter = await StartAsync();
        Assert.Equal(Delivery.Ok, await TellAsync(alerter, NoticeOf(title: "Größe 大きさ 😀", text: "päivää")));
        Assert.Contains("Größe 大きさ 😀", Assert.Single(await CameAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public virtual async Task A_text_of_any_size_arrives_as_far_as_the_service_takes_it()
    {
        var alerter = await StartAsync();
        Assert.Equal(Delivery.Ok, await TellAsync(alerter, NoticeOf(text: new string('x', 2_000_000) + "😀", title: string.Concat(Enumerable.Repeat("😀", 5_000)))));
        var came = Assert.Single(await CameAsync());
        Assert.DoesNotContain("\uFFFD", came, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(came), 1, MostBytes);
    }

    [Fact]
    public virtual async Task What_looks_like_markup_or_a_new_line_stays_text()
    {
        var alerter = await StartAsync();
        Assert.Equal(Delivery.Ok, await TellAsync(alerter, NoticeOf(title: "a\r\nBcc: eve@example.org\u0000 <b>&\"]", text: "<!channel> **x** ]\" \\")));
        Assert.Single(await CameAsync());
    }

    [Fact]
    public virtual async Task Nobody_there_is_tried_again()
    {
        var alerter = await StartAsync();
        await StopAsync();
        Assert.IsType<Delivery.RetryAfter>(await TellAsync(alerter, NoticeOf()));
    }

    /// <summary>What the service takes in one message.</summary>
    private protected virtual int MostBytes => 8 << 20;

    private protected abstract Task StopAsync();
}
