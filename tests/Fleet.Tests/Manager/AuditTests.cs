using System.Net;
using System.Text.Json.Nodes;
using Fleet.Manager;
using Fleet.Storage;
using Fleet.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class AuditTests : ApiTest
{
    [Fact]
    public async Task Every_write_is_written_down_with_who_what_before_and_after()
    {
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        await Api.ReplaceAsync("/api/queries/q", """{"sql":"select 2"}""");
        await Api.RefusedAsync(HttpStatusCode.UnprocessableEntity, "PUT", "/api/queries/bad", """{"sql":"select"}""");
        await Api.OkAsync("DELETE", "/api/queries/q");
        var entries = await EntriesAsync("");
        Assert.Equal(["DELETE queries 204", "PUT queries 422", "PUT queries 200", "PUT queries 201"], entries.Select(entry => $"{entry["action"]} {entry["status"]}"));
        var change = entries[2];
        Assert.Equal(("Admin", "queries/q", "127.0.0.1"), ((string?)change["actor"], (string?)change["target"], (string?)change["address"]));
        Assert.Matches("^token:[0-9a-f]{16}$", (string?)change["method"]);
        Assert.Equal(("select 1", "select 2"), ((string?)change["before"]!["sql"], (string?)change["after"]!["sql"]));
        Assert.Null(entries[1]["after"]);
        Assert.Single(await EntriesAsync("?target=queries/bad&failed=true").ContinueWith(task => task.Result));
        Assert.Empty(await EntriesAsync("?actor=somebody"));
        Assert.Equal(2, (await EntriesAsync("?take=2")).Count);
    }

    [Fact]
    public async Task Secrets_are_in_no_entry()
    {
        await Api.OkAsync("POST", "/api/users", """{"name":"ada","password":"correct horse","role":"viewer"}""");
        await Api.OkAsync("PATCH", "/api/users/ada", """{"password":"battery staple"}""");
        var secret = (string)(await Api.OkAsync("POST", "/api/enroll-secrets", """{"label":"l"}"""))["secret"]!;
        var token = (string)(await Api.OkAsync("POST", "/api/tokens", """{"name":"t","role":"viewer"}"""))["token"]!;
        await Api.OkAsync("PUT", "/api/alerters/hook", """{"type":"webhook","url":"https://example.org/services/XYZ-credential","secret":"s3cr3t"}""");
        using (await Browser.SignInAsync(Server.Url, "ada", "battery staple"))
        {
        }

        var text = (await Api.GetAsync("/api/audit")).ToJsonString();
        foreach (var word in new[] { "correct horse", "battery staple", secret, token, "s3cr3t", "XYZ-credential" }) Assert.DoesNotContain(word, text, StringComparison.Ordinal);
        Assert.Equal(6, (await EntriesAsync("")).Count);
    }

    [Fact]
    public async Task Sign_ins_failures_campaigns_and_exports_are_written_down_and_reads_are_not()
    {
        await Server.Services.GetRequiredService<UserStore>().AddAsync("ada", "correct horse", Role.Operator, default);
        using var stranger = new Api(Server.Url, null);
        await stranger.RefusedAsync(HttpStatusCode.Unauthorized, "POST", "/api/session", """{"username":"eve","password":"wrong"}""");
        await EnrollAsync("H1");
        using var ada = await Browser.SignInAsync(Server.Url, "ada", "correct horse");
        await ada.OkAsync("POST", "/api/campaigns", """{"sql":"select * from shell_history","targets":{"all":true},"reason":"Ticket 12"}""");
        await ada.GetAsync("/api/nodes");
        await ada.OkAsync("POST", "/api/queries/check", """{"sql":"select 1"}""");
        using var export = await ada.Http.GetAsync(new Uri("/api/results/export", UriKind.Relative));
        await export.Content.ReadAsStringAsync();
        await ada.OkAsync("DELETE", "/api/session");
        var entries = await EntriesAsync("");
        Assert.Equal(
            ["DELETE session ada 204", "GET results ada 200", "POST campaigns ada 201", "POST session ada 200", "POST session eve 401"],
            entries.Select(entry => $"{entry["action"]} {entry["actor"]} {entry["status"]}"));
        Assert.Equal("Ticket 12", (string?)entries[2]["reason"]);
        Assert.Equal("select * from shell_history", (string?)entries[2]["after"]!["sql"]);
    }

    [Fact]
    public async Task Each_entry_is_found_by_the_id_that_the_answer_named()
    {
        using var response = await Api.Http.PutAsync(new Uri("/api/queries/q", UriKind.Relative), new StringContent("""{"sql":"select 1"}""", null, "application/json"));
        Assert.Equal(response.Headers.GetValues("X-Request-Id").Single(), (string?)(await EntriesAsync(""))[0]["id"]);
    }

    [Fact]
    public async Task A_deed_whose_end_nobody_saw_is_still_told()
    {
        await using var world = await World.OpenAsync();
        var log = world.Get<AuditLog>();
        await log.BeginAsync("dead", "ada", "local", null, "DELETE queries", "queries/q", default);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var entry = await log.BeginAsync("alive", "ada", "local", null, "PUT queries", "queries/q", default);
        await log.EndAsync(entry with { Status = 200 }, default);
        var page = await log.PageAsync(new(null, null, null, null, null, FailuresOnly: false), 10, null, default);
        Assert.Equal([("alive", 200), ("dead", (int?)null)], page.Items.Select(one => (one.Id, one.Status)));
        Assert.Equal("dead", Assert.Single((await log.PageAsync(new(null, null, null, null, null, FailuresOnly: true), 10, null, default)).Items).Id);

        // Pages of one each, across months.
        world.Clock.Advance(TimeSpan.FromDays(40));
        await log.BeginAsync("late", "ada", "local", null, "PUT queries", "queries/q", default);
        var ids = new List<string>();
        string? after = null;
        do
        {
            var one = await log.PageAsync(new(null, null, null, null, null, false), 1, after, default);
            ids.AddRange(one.Items.Select(item => item.Id));
            after = one.After;
        }
        while (after is not null);
        Assert.Equal(["late", "alive", "dead"], ids);
    }

    [Fact]
    public void The_log_is_only_ever_added_to()
    {
        var root = Path.Combine(SharedData.Root, "functions", "Fleet");
        var users = Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .Where(file => File.ReadAllText(file).Contains("Schema.Audit", StringComparison.Ordinal)).Select(Path.GetFileName).Order();
        Assert.Equal(["AuditLog.cs", "Retention.cs"], users);
        var log = File.ReadAllText(Path.Combine(root, "Manager", "AuditLog.cs"));
        Assert.DoesNotMatch(@"Write\.(Replace|Merge|Delete)|DropAsync", log);
    }

    [Fact]
    public async Task The_log_can_be_exported_for_spreadsheets()
    {
        await Api.OkAsync("PUT", "/api/queries/q", """{"sql":"select 1"}""");
        using var response = await Api.Http.GetAsync(new Uri("/api/audit/export?format=csv", UriKind.Relative));
        var csv = await response.Content.ReadAsStringAsync();
        Assert.StartsWith("id,at,actor,method,address,action,target,path,status,reason,before,after,other", csv, StringComparison.Ordinal);
        Assert.Contains("queries/q", csv, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_done_that_cannot_be_written_down()
    {
        await using var services = new ServiceCollection().AddSingleton<ITables>(new DownTables()).AddSingleton(TimeProvider.System).AddSingleton<AuditLog>().BuildServiceProvider();
        var http = new DefaultHttpContext { RequestServices = services };
        (http.Request.Method, http.Request.Path) = ("PUT", "/api/queries/q");
        http.SetEndpoint(new(null, new(new HttpMethodMetadata(["PUT"])), "put"));
        http.User = new(new System.Security.Claims.ClaimsIdentity("test"));
        var isDone = false;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => AuditTrail.WriteDownAsync(http, _ =>
        {
            isDone = true;
            return Task.CompletedTask;
        }));
        Assert.False(isDone);
    }

    private sealed class DownTables : ITables
    {
        public ITable this[string name] => throw new StorageUnavailableException("down");

        public ValueTask<IReadOnlyList<string>> ListAsync(string prefix, CancellationToken ct) => throw new StorageUnavailableException("down");

        public ValueTask DropAsync(string name, CancellationToken ct) => throw new StorageUnavailableException("down");
    }

    private async Task<List<JsonNode>> EntriesAsync(string query) => [.. (await Api.GetAsync("/api/audit" + query))["items"]!.AsArray().Select(entry => entry!)];
}
