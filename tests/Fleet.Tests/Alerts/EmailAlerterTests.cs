using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Shared;
using MimeKit;

namespace Fleet.Tests.Alerts;

/// <summary>Against a real SMTP server that asks for STARTTLS and a password.</summary>
public sealed class EmailAlerterTests : AlerterContract, IAsyncLifetime
{
    private const string Recipients = "ada@example.org, Duty <duty@example.org>";

    private readonly List<JsonNode> _came = [];
    private MailServer _server = null!;

    public async Task InitializeAsync() => _server = await MailServer.StartAsync();

    public async Task DisposeAsync() => await StopAsync();

    private protected override Task<IAlerter> StartAsync() => Task.FromResult<IAlerter>(AlerterFor(_server.Port));

    private protected override async Task<IReadOnlyList<string>> CameAsync()
    {
        var message = await _server.NextAsync();
        _came.Add(message);
        return [TextOf(message)];
    }

    private protected override async Task StopAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_message_goes_under_STARTTLS_and_a_password_as_text_and_HTML()
    {
        Assert.Equal(Delivery.Ok, await TellAsync(await StartAsync(), NoticeOf(text: "<script>alert(1)</script>")));
        var message = await _server.NextAsync();
        Assert.True((bool)message["secure"]!);
        Assert.Equal(("fleet", "fleet@example.org"), ((string)message["user"]!, (string)message["from"]!));
        Assert.Equal(["ada@example.org", "duty@example.org"], message["to"]!.AsArray().Select(to => (string)to!));
        var data = (string)message["data"]!;
        Assert.Contains("text/plain", data, StringComparison.Ordinal);
        Assert.Contains("text/html", data, StringComparison.Ordinal);
        Assert.Matches("(?i)x-priority: 1", data);
        Assert.Contains("&lt;script&gt;", TextOf(message), StringComparison.Ordinal);
        Assert.Contains("https://fleet.example.org/alerts/", TextOf(message), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_follows_an_alert_is_its_answer()
    {
        var alerter = await StartAsync();
        await TellAsync(alerter, NoticeOf());
        await TellAsync(alerter, NoticeOf(AlertEvent.Resolved));
        var first = Header(await _server.NextAsync(), "Message-ID");
        Assert.Equal(first, Header(await _server.NextAsync(), "In-Reply-To"));
    }

    [Theory]
    [InlineData("busy@example.org", true)]
    [InlineData("gone@example.org", false)]
    public async Task A_mailbox_that_is_busy_is_tried_again_and_one_that_is_not_there_is_not(string to, bool again)
    {
        var delivery = await TellAsync(AlerterFor(_server.Port, to: to), NoticeOf());
        Assert.Equal(again, delivery is Delivery.RetryAfter);
        Assert.Equal(!again, delivery is Delivery.Rejected);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_given_up_and_tried_again() =>
        Assert.IsType<Delivery.RetryAfter>(await TellAsync(AlerterFor(_server.Port, to: "slow@example.org"), NoticeOf(), TimeSpan.FromMilliseconds(700)));

    [Fact]
    public async Task A_wrong_password_is_refused_and_shown_nowhere()
    {
        var rejected = Assert.IsType<Delivery.Rejected>(await TellAsync(AlerterFor(_server.Port, password: "wrong horse"), NoticeOf()));
        Assert.DoesNotContain("wrong horse", rejected.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_STARTTLS_or_with_a_certificate_of_strangers_gets_no_message()
    {
        await using var plain = await MailServer.StartAsync("plain");
        Assert.Contains("has no STARTTLS", (await TellAsync(AlerterFor(plain.Port), NoticeOf())).Reason, StringComparison.Ordinal);
        Assert.Contains("certificate", (await TellAsync(Maker.Make(SettingsFor($"smtp://127.0.0.1:{_server.Port}"), "correct horse"), NoticeOf())).Reason, StringComparison.Ordinal);
        await using var other = await MailServer.StartAsync();
        Assert.Equal(Delivery.Ok, await TellAsync(AlerterFor(other.Port), NoticeOf()));
        Assert.True((bool)(await other.NextAsync())["secure"]!);
    }

    [Theory]
    [InlineData("smtp", "login")]
    [InlineData("smtps", "tls")]
    [InlineData("smtps", "tls,login")]
    public async Task A_password_is_given_as_the_server_takes_it_and_under_TLS_from_the_start_too(string scheme, string modes)
    {
        await using var server = await MailServer.StartAsync(modes);
        Assert.Equal(Delivery.Ok, await TellAsync(AlerterFor(server.Port, scheme: scheme), NoticeOf(text: "\n.a line with a dot\n.\n..")));
        var message = await server.NextAsync();
        Assert.Equal(("fleet", true), ((string)message["user"]!, (bool)message["secure"]!));
        Assert.Contains(".a line with a dot", TextOf(message), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_recipient_who_is_refused_keeps_the_message_from_no_other_and_nobody_gets_it_twice()
    {
        var delivered = Assert.IsType<Delivery.Delivered>(await TellAsync(AlerterFor(_server.Port, to: "busy@example.org, ada@example.org"), NoticeOf()));
        Assert.Contains("busy@example.org: 451", delivered.Reason, StringComparison.Ordinal);
        Assert.Equal(["ada@example.org"], (await _server.NextAsync())["to"]!.AsArray().Select(to => (string)to!));
    }

    [Theory]
    [InlineData("The Fleet of the Security Operations Centre of the Example Organisation, Department of Machines")]
    [InlineData("Größe 大きさ Größe 大きさ Größe 大きさ Größe 大きさ Größe 大きさ Größe 大きさ")]
    public async Task Names_of_any_length_leave_the_headers_whole(string name)
    {
        Assert.Equal(Delivery.Ok, await TellAsync(AlerterFor(_server.Port, to: $"\"{name}\" <ada@example.org>", from: $"\"{name}\" <fleet@example.org>"), NoticeOf()));
        var data = (string)(await _server.NextAsync())["data"]!;
        Assert.DoesNotContain("X-Receiver", data, StringComparison.Ordinal);
        Assert.Matches("^[A-Za-z-]+: ", data);
        Assert.Contains("\nSubject: ", data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_was_taken_is_delivered_though_the_server_says_nothing_more()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var tell = TellAsync(AlerterFor(((IPEndPoint)listener.LocalEndpoint).Port, scheme: "smtp-plain", to: "ada@example.org", user: null), NoticeOf()).AsTask();
        using var client = await listener.AcceptTcpClientAsync();
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        foreach (var answer in new[] { "220 hello", "250 me", "250 yes", "250 yes", "354 go on", "250 taken" })
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer + "\r\n"));
            do
            {
            }
            while (await reader.ReadLineAsync() != "." && answer[0] == '3');
        }

        Assert.Equal(Delivery.Ok, await tell);
    }

    [Theory]
    [InlineData("220 hello\r\n250-me\r\n250 STARTTLS\r\n220 go on\r\n250 injected\r\n", "TLS with 127.0.0.1 failed")]
    [InlineData("220 hello\r\n502 no\r\n502 no\r\n", "502")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SMTP")]
    [InlineData("220 hello\r\n", "ended the connection")]
    public async Task A_server_that_speaks_otherwise_is_a_clear_fault(string said, string complaint)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var tell = TellAsync(AlerterFor(((IPEndPoint)listener.LocalEndpoint).Port), NoticeOf()).AsTask();
        using (var client = await listener.AcceptTcpClientAsync())
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(said));
            client.Client.Shutdown(SocketShutdown.Send);
            Assert.Contains(complaint, (await tell).Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_relay_that_is_said_to_be_plain_gets_the_message_in_the_clear()
    {
        await using var plain = await MailServer.StartAsync("plain");
        var settings = new AlerterSettings("a", "email", new Dictionary<string, string> { ["server"] = $"smtp-plain://127.0.0.1:{plain.Port}", ["from"] = "fleet@example.org", ["to"] = "ada@example.org" });
        Assert.Equal(Delivery.Ok, await TellAsync(Maker.Make(settings, null), NoticeOf()));
        Assert.False((bool)(await plain.NextAsync())["secure"]!);
    }

    private static EmailAlerter AlerterFor(int port, string to = Recipients, string password = "correct horse", string scheme = "smtp", string from = "Fleet <fleet@example.org>", string? user = "fleet") => new(
        SettingsFor($"{scheme}://127.0.0.1:{port}", to, from, user), password, new(["127.0.0.1"]), (_, shown, _, _) => shown?.GetCertHashString() == TestCertificate.Instance.Certificate.Thumbprint);

    private static AlerterSettings SettingsFor(string server, string to = Recipients, string from = "Fleet <fleet@example.org>", string? user = "fleet")
    {
        var fields = new Dictionary<string, string> { ["server"] = server, ["from"] = from, ["to"] = to };
        if (user is not null) fields["user"] = user;
        return new("a", "email", fields);
    }

    private static string Header(JsonNode message, string name) => MessageOf(message).Headers[name]!;

    /// <summary>Subject and parts, decoded.</summary>
    private static string TextOf(JsonNode message)
    {
        var read = MessageOf(message);
        return $"{read.Subject}\n{read.TextBody}\n{read.HtmlBody}";
    }

    private static MimeMessage MessageOf(JsonNode message) => MimeMessage.Load(new MemoryStream(Encoding.UTF8.GetBytes((string)message["data"]!)));
}
