using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.Tests.Alerts;

/// <summary>What every alerter that speaks HTTP promises.</summary>
public abstract class HttpAlerterContract : AlerterContract, IAsyncLifetime
{
    private readonly ConcurrentQueue<(string Path, string Body, IHeaderDictionary Headers)> _came = [];
    private FakeService _service = null!;
    private Func<HttpContext, Task> _answer = _ => Task.CompletedTask;

    private protected Uri Url => _service.Url;

    private protected abstract (AlerterSettings Settings, string? Secret) SettingsOf(Uri service);

    public async Task InitializeAsync() => _service = await FakeService.StartAsync(secure: false, app => app.Run(async context =>
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        _came.Enqueue((context.Request.Path + context.Request.QueryString, await reader.ReadToEndAsync(), new HeaderDictionary(context.Request.Headers.ToDictionary())));
        await _answer(context);
    }));

    public async Task DisposeAsync() => await StopAsync();

    private protected override Task<IAlerter> StartAsync()
    {
        var (settings, secret) = SettingsOf(Url);
        return Task.FromResult(Maker.Make(settings, secret));
    }

    private protected override Task<IReadOnlyList<string>> CameAsync() => Task.FromResult<IReadOnlyList<string>>([.. _came.Select(one => Readable(one.Body))]);

    /// <summary>JSON without its escapes.</summary>
    private protected virtual string Readable(string body) => JsonNode.Parse(body)!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) is var text
        ? System.Text.RegularExpressions.Regex.Replace(text, @"(?i)\\u(d[89ab]..)\\u(d[c-f]..)", match => char.ConvertFromUtf32(char.ConvertToUtf32((char)Convert.ToInt32(match.Groups[1].Value, 16), (char)Convert.ToInt32(match.Groups[2].Value, 16)))) : "";

    private protected override async Task StopAsync() => await _service.DisposeAsync();

    private protected async Task<(string Path, JsonNode Body, IHeaderDictionary Headers)> SentAsync(Notice notice)
    {
        Assert.Equal(Delivery.Ok, await TellAsync(await StartAsync(), notice));
        Assert.True(_came.TryDequeue(out var sent));
        return (sent.Path, JsonNode.Parse(sent.Body.Split('\n') is [_, _, var item, ""] ? item : sent.Body)!, sent.Headers);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(202)]
    [InlineData(204)]
    public async Task Success_is_success(int status) => Assert.IsType<Delivery.Delivered>(await AnsweredAsync(context => context.Response.StatusCode = status));

    [Fact]
    public async Task Too_many_requests_come_again_when_the_service_says()
    {
        var retry = Assert.IsType<Delivery.RetryAfter>(await AnsweredAsync(context => (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (429, "17")));
        Assert.Equal(TimeSpan.FromSeconds(17), retry.Wait);
        var dated = Assert.IsType<Delivery.RetryAfter>(await AnsweredAsync(context => (context.Response.StatusCode, context.Response.Headers.RetryAfter) = (503, DateTimeOffset.UtcNow.AddMinutes(2).ToString("R"))));
        Assert.InRange(dated.Wait!.Value.TotalSeconds, 60, 121);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(408)]
    public async Task A_service_that_is_sick_is_tried_again(int status) =>
        Assert.Contains(status.ToString(System.Globalization.CultureInfo.InvariantCulture), Assert.IsType<Delivery.RetryAfter>(await AnsweredAsync(context => context.Response.StatusCode = status)).Reason, StringComparison.Ordinal);

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(410)]
    public async Task A_refusal_is_final_and_told_without_a_word_of_the_services(int status)
    {
        var rejected = Assert.IsType<Delivery.Rejected>(await AnsweredAsync(async context =>
        {
            context.Response.StatusCode = status;
            await context.Response.WriteAsync("invalid key\n" + new string('y', 100_000));
        }));
        Assert.Contains(status.ToString(System.Globalization.CultureInfo.InvariantCulture), rejected.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("invalid key", rejected.Reason, StringComparison.Ordinal);
        Assert.InRange(rejected.Reason.Length, 1, 500);
    }

    [Fact]
    public async Task A_redirect_is_not_followed() =>
        Assert.IsType<Delivery.Rejected>(await AnsweredAsync(context => (context.Response.StatusCode, context.Response.Headers.Location) = (302, "http://192.0.2.1/")));

    [Fact]
    public async Task A_service_that_does_not_answer_is_given_up_and_tried_again()
    {
        _answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        Assert.IsType<Delivery.RetryAfter>(await TellAsync(await StartAsync(), NoticeOf(), TimeSpan.FromMilliseconds(200)));
    }

    [Fact]
    public async Task No_reason_shows_the_secret()
    {
        var (_, secret) = SettingsOf(Url);
        var rejected = Assert.IsType<Delivery.Rejected>(await AnsweredAsync(context => context.Response.StatusCode = 401));
        if (secret is not null) Assert.DoesNotContain(secret, rejected.Reason, StringComparison.Ordinal);
    }

    private protected static AlerterSettings Settings(string type, params (string Name, string Value)[] fields) => new("a", type, fields.ToDictionary(field => field.Name, field => field.Value));

    private async Task<Delivery> AnsweredAsync(Action<HttpContext> answer) => await AnsweredAsync(context =>
    {
        answer(context);
        return Task.CompletedTask;
    });

    private async Task<Delivery> AnsweredAsync(Func<HttpContext, Task> answer)
    {
        _answer = answer;
        return await TellAsync(await StartAsync(), NoticeOf());
    }
}

public sealed class WebhookAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("webhook", ("url", service.AbsoluteUri + "hook")), "s3cret");

    [Fact]
    public async Task The_body_says_what_happened_to_which_alert()
    {
        var (path, body, headers) = await SentAsync(NoticeOf(AlertEvent.Acknowledged));
        Assert.Equal(("/hook", "acknowledged", "high", "https://fleet.example.org/alerts/" + (string)body["id"]!), (path, (string)body["event"]!, (string)body["severity"]!, (string)body["link"]!));
        Assert.StartsWith("sha256=", headers["X-Fleet-Signature"].ToString(), StringComparison.Ordinal);
    }
}

public sealed class PagerDutyAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("pagerduty", ("url", service.AbsoluteUri + "v2/enqueue")), "R0UT1NGKEY");

    private protected override int MostBytes => 512 << 10;

    [Theory]
    [InlineData("Opened", "trigger")]
    [InlineData("Escalated", "trigger")]
    [InlineData("Reminded", "trigger")]
    [InlineData("Acknowledged", "acknowledge")]
    [InlineData("Resolved", "resolve")]
    public async Task An_alerts_events_are_those_of_one_incident(string what, string action)
    {
        var notice = NoticeOf(Enum.Parse<AlertEvent>(what));
        var (_, body, _) = await SentAsync(notice);
        Assert.Equal(("R0UT1NGKEY", action, notice.Alert.Id), ((string)body["routing_key"]!, (string)body["event_action"]!, (string)body["dedup_key"]!));
        if (action == "trigger") Assert.Equal(("error", "web-1", "processes"), ((string)body["payload"]!["severity"]!, (string)body["payload"]!["source"]!, (string)body["payload"]!["component"]!));
        else Assert.Null(body["payload"]);
    }

    [Fact]
    public async Task The_summary_is_no_longer_than_PagerDuty_takes() =>
        Assert.InRange(((string)(await SentAsync(NoticeOf(title: new string('x', 5_000)))).Body["payload"]!["summary"]!).Length, 1_000, 1_024);
}

public sealed class SlackAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("slack"), service.AbsoluteUri + "services/T0/B0/x");

    private protected override int MostBytes => 40_000;

    [Fact]
    public async Task What_a_machine_sent_neither_links_nor_calls_the_channel()
    {
        var (_, body, _) = await SentAsync(NoticeOf(text: "<!channel> <http://evil.example|click>"));
        Assert.DoesNotContain("<!channel>", (string)body["blocks"]![1]!["text"]!["text"]!, StringComparison.Ordinal);
        Assert.Equal(["header", "section", "context"], body["blocks"]!.AsArray().Select(block => (string)block!["type"]!));
    }
}

public sealed class TeamsAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("teams"), service.AbsoluteUri + "workflows/x?sig=y");

    private protected override int MostBytes => 28 << 10;

    [Fact]
    public async Task The_card_is_an_adaptive_one()
    {
        var (_, body, _) = await SentAsync(NoticeOf());
        var attachment = body["attachments"]![0]!;
        Assert.Equal(("application/vnd.microsoft.card.adaptive", "AdaptiveCard"), ((string)attachment["contentType"]!, (string)attachment["content"]!["type"]!));
    }
}

public sealed class OpsgenieAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("opsgenie", ("url", service.AbsoluteUri)), "01234567-89ab");

    [Theory]
    [InlineData("Opened", "/v2/alerts")]
    [InlineData("Acknowledged", "/v2/alerts/{0}/acknowledge?identifierType=alias")]
    [InlineData("Resolved", "/v2/alerts/{0}/close?identifierType=alias")]
    public async Task An_alerts_events_are_those_of_one_alert(string what, string path)
    {
        var notice = NoticeOf(Enum.Parse<AlertEvent>(what), severity: "critical");
        var (asked, body, headers) = await SentAsync(notice);
        Assert.Equal((string.Format(System.Globalization.CultureInfo.InvariantCulture, path, notice.Alert.Id), "GenieKey 01234567-89ab"), (asked, headers.Authorization.ToString()));
        if (what == "Opened") Assert.Equal((notice.Alert.Id, "P1"), ((string)body["alias"]!, (string)body["priority"]!));
    }
}

public sealed class SentryAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("sentry"), $"http://publickey@{service.Authority}/prefix/42");

    private protected override string Readable(string body) => base.Readable(body.Split('\n')[2]);

    [Fact]
    public async Task An_event_goes_to_its_project_in_an_envelope_and_events_of_a_rule_are_one_issue()
    {
        var (path, body, headers) = await SentAsync(NoticeOf());
        Assert.Equal("/prefix/api/42/envelope/", path);
        Assert.Contains("sentry_key=publickey", headers["X-Sentry-Auth"].ToString(), StringComparison.Ordinal);
        Assert.Equal("application/x-sentry-envelope", headers.ContentType.ToString());
        Assert.Equal(["fleet", "there"], body["fingerprint"]!.AsArray().Select(part => (string)part!));
        Assert.Equal((string)body["event_id"]!, (string)(await SentAsync(NoticeOf())).Body["event_id"]!);
    }
}

public sealed class EventGridAlerterTests : HttpAlerterContract
{
    private protected override (AlerterSettings, string?) SettingsOf(Uri service) => (Settings("eventgrid", ("url", service.AbsoluteUri + "api/events")), "k3y");

    [Fact]
    public async Task A_CloudEvent_goes_with_the_key_or_with_this_servers_identity()
    {
        var (path, body, headers) = await SentAsync(NoticeOf(AlertEvent.Resolved));
        Assert.Equal(("/api/events?api-version=2018-01-01", "1.0", "fleet.alert.resolved", "k3y"), (path, (string)body["specversion"]!, (string)body["type"]!, headers["aeg-sas-key"].ToString()));
        Assert.StartsWith("application/cloudevents+json", headers.ContentType.ToString(), StringComparison.Ordinal);

        using var request = await EventGridAlerter.RequestOfAsync(NoticeOf(), new("https://topic.example.org/api/events"), null, (scope, _) => new(scope), default);
        Assert.Equal("Bearer https://eventgrid.azure.net/.default", request.Headers.Authorization!.ToString());
    }
}
