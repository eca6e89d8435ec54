using Fleet.Shared;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Hosting;
using Fleet.Manager;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Support;

/// <summary>The whole server on a free port of loopback, with a scratch data folder.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private readonly Scratch _scratch = new();
    private readonly WebApplication _app;

    private RunningServer(WebApplication app, Scratch scratch) => (_app, _scratch) = (app, scratch);

    public Uri Url => Server.AddressOf(_app);

    public IServiceProvider Services => _app.Services;

    /// <summary>Puts what came into reports and index.</summary>
    public async Task MaterializeAsync() => await Services.GetRequiredService<Fleet.Upkeep.Materialize>().DrainAsync(default);

    public async Task RaiseAsync(Fleet.Alerts.AlertDraft draft) => await Services.GetRequiredService<Fleet.Alerts.AlertLife>().RaiseAsync(draft, default);

    public string DataFolder => _scratch.Path;

    public string Secret => File.ReadAllText(_scratch.File("enroll-secret"));

    public static async Task<RunningServer> StartAsync(params (string Key, string Value)[] settings)
    {
        var scratch = new Scratch();
        var overrides = settings.ToDictionary(pair => "Fleet:" + pair.Key, pair => (string?)pair.Value);
        overrides["Fleet:Data"] = scratch.Path;
        overrides.TryAdd("Fleet:Url", "http://127.0.0.1:0");
        overrides.TryAdd("Fleet:Outbound:Allow", "127.0.0.0/8,::1");
        var app = await Server.BuildAsync(overrides, default);
        await app.StartAsync();
        return new(app, scratch);
    }

    public async Task<Api> SignInAsync(Role role, TimeSpan? expires = null)
    {
        var tokens = Services.GetRequiredService<TokenStore>();
        return new(Url, await tokens.CreateAsync(role.ToString(), role, expires is null ? null : DateTimeOffset.UtcNow + expires, default));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _scratch.Dispose();
    }
}

/// <summary>A script that uses the REST API.</summary>
internal sealed class Api : IDisposable
{
    private readonly HttpClient _http;

    public Api(Uri url, string? token)
    {
        _http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = url };
        if (token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public HttpClient Http => _http;

    public async Task<(HttpStatusCode Status, JsonNode? Json)> SendAsync(string method, string path, string? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();

        // Of what comes line by line, the last.
        return (response.StatusCode, text.Length > 0 ? JsonNode.Parse(response.Content.Headers.ContentType?.MediaType == "application/x-ndjson" ? text.TrimEnd().Split('\n')[^1] : text) : null);
    }

    public async Task<JsonNode> GetAsync(string path) => await OkAsync("GET", path);

    public async Task<JsonNode> OkAsync(string method, string path, string? body = null)
    {
        var (status, json) = await SendAsync(method, path, body);
        Assert.True((int)status is >= 200 and < 300, $"{method} {path}: {(int)status} {json}");
        return json ?? new JsonObject();
    }

    /// <summary>Asks until it is so: what a server does by itself it does soon.</summary>
    public async Task EventuallyAsync(string path, Func<JsonNode, bool> isSo)
    {
        for (var left = 400; !isSo(await GetAsync(path)); left--)
        {
            Assert.True(left > 0, $"{path}: {await GetAsync(path)}");
            await Task.Delay(25);
        }
    }

    /// <summary>Replaces what is there, whatever it is.</summary>
    public async Task<JsonNode> ReplaceAsync(string path, string body)
    {
        var (status, json) = await SendAsync("PUT", path, body, "*");
        Assert.True(status == HttpStatusCode.OK, $"PUT {path}: {(int)status} {json}");
        return json!;
    }

    public async Task<JsonNode> RefusedAsync(HttpStatusCode expected, string method, string path, string? body = null, string? ifMatch = null)
    {
        var (status, json) = await SendAsync(method, path, body, ifMatch);
        Assert.True(status == expected, $"{method} {path}: {(int)status} {json}");
        Assert.StartsWith("urn:fleet:problem:", (string?)json!["type"], StringComparison.Ordinal);
        Assert.Equal((int)expected, (int?)json["status"]);
        return json;
    }

    /// <summary>An agent's call, which needs no sign-in.</summary>
    public async Task<JsonObject> AgentAsync(string call, string body)
    {
        using var response = await _http.PostAsync(new Uri("/" + call, UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"));
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }

    public void Dispose() => _http.Dispose();
}
