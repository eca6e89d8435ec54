using System.Text.Json.Nodes;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

/// <summary>A server on which everything is there that an example may speak of.</summary>
internal sealed class Scene : IAsyncDisposable
{
    private readonly Dictionary<string, string> _values = [];

    private Scene(RunningServer server, Api api) => (Server, Api) = (server, api);

    public RunningServer Server { get; }

    public Api Api { get; private set; }

    public static async Task<Scene> SetAsync()
    {
        var server = await RunningServer.StartAsync(("Transparency:Enabled", "true"), ("Nodes:SilentAfter", "1h"));
        var scene = new Scene(server, await server.SignInAsync(Role.Admin));
        await scene.FurnishAsync();
        return scene;
    }

    /// <summary>A body and a path with what is there in the places of what is not.</summary>
    public (string? Body, string Path) Fill(string path, JsonNode? example)
    {
        var resource = path.Split('/')[2];
        var place = path;
        foreach (var (key, value) in _values)
        {
            if (key.Split(' ') is [var of, var parameter] && (of == resource || of == "*")) place = place.Replace("{" + parameter + "}", Uri.EscapeDataString(value), StringComparison.Ordinal);
        }

        if (path == "/api/import") place += "?name=imported";
        if (path == "/api/rules/draft") place += "?query=there";
        return (example?.ToJsonString().Replace("00000000000000000000000000000000", _values["nodes id"], StringComparison.Ordinal), place);
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await Server.DisposeAsync();
    }

    private async Task FurnishAsync()
    {
        // Two installations of one machine; examples name one of them.
        foreach (var instance in new[] { "5d2f0d9c-0000-0000-0000-000000000001", "b", "5d2f0d9c-0000-0000-0000-000000000001" })
        {
            await Api.AgentAsync("enroll", $$$"""{"enroll_secret":"{{{Server.Secret}}}","host_identifier":"web-1","platform_type":"9","host_details":{"osquery_info":{"version":"5.23.1","instance_id":"{{{instance}}}"} } }""");
        }

        var node = NodeId.OfHost("web-1").ToString();
        _values["nodes id"] = node;
        await Api.OkAsync("PATCH", "/api/nodes/" + node, """{"tags":["prod"]}""");
        foreach (var (kind, body) in new[]
        {
            ("queries", """{"sql":"select 1","tags":["prod"]}"""), ("packs", """{"queries":{"uptime":{"query":"select 1","interval":60}},"tags":["prod"]}"""),
            ("file-paths", """{"paths":["/etc/%"],"tags":["prod"]}"""), ("options", """{"config":{"options":{"a":1}},"tags":["prod"]}"""),
        })
        {
            await Api.OkAsync("PUT", $"/api/{kind}/there", body);
            await Api.ReplaceAsync($"/api/{kind}/there", body.Replace("prod", "lab", StringComparison.Ordinal));
            _values[kind + " name"] = "there";
            _values[kind + " version"] = (string)(await Api.GetAsync($"/api/{kind}/there/history"))["items"]![1]!["id"]!;
        }

        _values["packs query"] = "uptime";
        await Api.OkAsync("PUT", "/api/extension-tables/munki_info", """{"columns":["version"]}""");
        _values["extension-tables name"] = "munki_info";
        await Api.OkAsync("PUT", "/api/alerters/there", """{"type":"webhook","url":"https://example.org/hook"}""");
        await Api.OkAsync("PUT", "/api/rules/there", """{"name":"r","conditions":{"condition":"AND","rules":[{"field":"action","operator":"equal","value":"x"}]}}""");
        await Api.OkAsync("PUT", "/api/sinks/there", """{"type":"file","path":"out.ndjson"}""");
        (_values["sinks name"], _values["alerters name"], _values["rules id"], _values["tags name"], _values["reports query"]) = ("there", "there", "there", "prod", "uptime");
        await Server.RaiseAsync(Drafts.Of("web-1"));
        _values["alerts id"] = (string)(await Api.GetAsync("/api/alerts"))["items"]![0]!["id"]!;
        _values["campaign-schedules id"] = (string)(await Api.OkAsync("POST", "/api/campaign-schedules", """{"name":"Weekly","sql":"select 1","targets":{"all":true},"cron":"0 6 * * MON","reason":"r"}"""))["id"]!;
        _values["mutes id"] = (string)(await Api.OkAsync("POST", "/api/mutes", """{"to":"2099-01-01T00:00:00Z","reason":"quiet","tags":["none"]}"""))["id"]!;
        _values["campaigns id"] = (string)(await Api.OkAsync("POST", "/api/campaigns", """{"sql":"select 1","targets":{"all":true}}"""))["id"]!;
        _values["campaigns nodeId"] = node;
        _values["enroll-secrets id"] = (string)(await Api.OkAsync("POST", "/api/enroll-secrets", """{"label":"l"}"""))["id"]!;
        await Api.OkAsync("POST", "/api/users", """{"name":"there","password":"correct horse","role":"admin"}""");
        await Api.OkAsync("POST", "/api/users", """{"name":"signs-in","password":"correct horse","role":"admin"}""");
        _values["users name"] = "there";

        // Examples of signing in name the admin; who changes a password has signed in.
        await Server.Services.GetRequiredService<UserStore>().AddAsync("admin", "correct horse", Role.Admin, default);
        var admin = await Browser.SignInAsync(Server.Url, "admin", "correct horse");
        Api.Dispose();
        Api = admin;
    }
}
