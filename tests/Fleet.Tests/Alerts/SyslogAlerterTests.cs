using Fleet.Alerts;
using Fleet.Shared;

namespace Fleet.Tests.Alerts;

/// <summary>Against a real rsyslog. TLS is tested with the built program, which can be told whom to trust.</summary>
public sealed class SyslogAlerterTests : AlerterContract, IAsyncLifetime
{
    private Rsyslog _server = null!;

    public async Task InitializeAsync() => _server = await Rsyslog.StartAsync();

    public async Task DisposeAsync() => await StopAsync();

    private protected override int MostBytes => 8_100;

    private protected override Task<IAlerter> StartAsync() => Task.FromResult(Maker.Make(new("a", "syslog", new Dictionary<string, string> { ["server"] = _server.Plain.AbsoluteUri }), null));

    private protected override async Task<IReadOnlyList<string>> CameAsync() => [await _server.NextAsync()];

    private protected override async Task StopAsync() => await _server.DisposeAsync();

    [NeedsFact(Rsyslog.Program)]
    public override Task An_alert_is_delivered_with_rule_host_and_severity() => base.An_alert_is_delivered_with_rule_host_and_severity();

    [NeedsFact(Rsyslog.Program)]
    public override Task Letters_of_all_languages_arrive() => base.Letters_of_all_languages_arrive();

    [NeedsFact(Rsyslog.Program)]
    public override Task A_text_of_any_size_arrives_as_far_as_the_service_takes_it() => base.A_text_of_any_size_arrives_as_far_as_the_service_takes_it();

    [NeedsFact(Rsyslog.Program)]
    public override Task What_looks_like_markup_or_a_new_line_stays_text() => base.What_looks_like_markup_or_a_new_line_stays_text();

    [NeedsFact(Rsyslog.Program)]
    public override Task Nobody_there_is_tried_again() => base.Nobody_there_is_tried_again();

    [NeedsFact(Rsyslog.Program)]
    public async Task A_message_has_severity_host_event_and_what_it_is_about_in_its_places()
    {
        var notice = NoticeOf(AlertEvent.Resolved);
        Assert.Equal(Delivery.Ok, await TellAsync(await StartAsync(), notice));
        var came = await _server.NextAsync();
        Assert.StartsWith($"3|auth|web-1|fleet|alert-resolved|[fleet@32473 id=\"{notice.Alert.Id}\" rule=\"A program runs from /tmp\"", came, StringComparison.Ordinal);
        Assert.Contains("Resolved: [high] A program runs from /tmp on web-1", came, StringComparison.Ordinal);
    }

    [NeedsFact(Rsyslog.Program)]
    public async Task A_server_whose_certificate_nobody_vouches_for_gets_no_message()
    {
        var alerter = Maker.Make(new("a", "syslog", new Dictionary<string, string> { ["server"] = _server.Secure.AbsoluteUri }), null);
        Assert.IsType<Delivery.RetryAfter>(await TellAsync(alerter, NoticeOf()));
    }
}

public sealed class LogAlerterTests : AlerterContract, IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    private protected override Task<IAlerter> StartAsync() => Task.FromResult(Maker.Make(new("a", "log", new Dictionary<string, string> { ["path"] = _scratch.File("folder/alerts.log") }), null));

    private protected override async Task<IReadOnlyList<string>> CameAsync() => [.. (await File.ReadAllLinesAsync(_scratch.File("folder/alerts.log"))).Select(line => System.Text.Json.Nodes.JsonNode.Parse(line)!["title"] + line)];

    public LogAlerterTests() => Directory.CreateDirectory(_scratch.File("folder"));

    private protected override Task StopAsync()
    {
        Directory.Delete(_scratch.File("folder"), recursive: true);
        File.WriteAllText(_scratch.File("folder"), "in the way");
        return Task.CompletedTask;
    }
}
