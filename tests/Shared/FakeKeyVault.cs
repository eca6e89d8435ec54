using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Shared;

/// <summary>Key Vault's secrets by its documented REST API: versions, paging, disabled ones, and the challenge that names who issues tokens.</summary>
internal sealed class FakeKeyVault : IAsyncDisposable
{
    private const string Audience = "https://vault.azure.net";
    private const int PageSize = 2;

    private readonly ConcurrentDictionary<string, List<Version>> _secrets = new(StringComparer.OrdinalIgnoreCase);
    private FakeService? _service;
    private long _clock = 1_700_000_000;

    public Uri Url => _service!.Url;

    /// <summary>While it is true the vault does not answer.</summary>
    public bool IsDown { get; set; }

    public static async Task<FakeKeyVault> StartAsync()
    {
        var vault = new FakeKeyVault();
        vault._service = await FakeService.StartAsync(secure: true, app =>
        {
            app.Use(vault.CheckAsync);
            app.MapPut("/secrets/{name}", vault.SetAsync);
            app.MapGet("/secrets/{name}/versions", vault.List);
            app.MapGet("/secrets/{name}/{version}", vault.Get);
            app.MapMethods("/secrets/{name}/{version}", ["PATCH"], vault.PatchAsync);
        });
        return vault;
    }

    /// <summary>The enabled values of a secret, newest first.</summary>
    public IReadOnlyList<string> ValuesOf(string name) => [.. _secrets.GetValueOrDefault(name, []).Where(version => version.Enabled).Select(version => version.Value).Reverse()];

    public IEnumerable<string> Names => _secrets.Keys;

    public ValueTask DisposeAsync() => _service!.DisposeAsync();

    private async Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        if (IsDown)
        {
            context.Response.StatusCode = 503;
            return;
        }

        if (FakeIdentity.AudienceOf(context.Request) == Audience)
        {
            await next(context);
            return;
        }

        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = $"Bearer authorization=\"https://login.microsoftonline.com/ab1f708d-50f6-404c-a006-d71b2ac7a606\", resource=\"{Audience}\"";
    }

    private async Task<IResult> SetAsync(string name, HttpRequest request)
    {
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')) return Error(400, "BadParameter", "The secret's name is not valid.");
        var body = await JsonNode.ParseAsync(request.Body);
        var version = new Version(Guid.NewGuid().ToString("N"), (string)body!["value"]!, Interlocked.Increment(ref _clock));
        var versions = _secrets.GetOrAdd(name, _ => []);
        lock (versions) versions.Add(version);
        return TypedResults.Json(Json(name, version, withValue: true));
    }

    private JsonHttpResult<JsonObject> List(string name, HttpRequest request)
    {
        var skip = int.Parse(request.Query["skip"].FirstOrDefault() ?? "0", CultureInfo.InvariantCulture);
        var versions = _secrets.GetValueOrDefault(name, []);
        lock (versions)
        {
            var next = skip + PageSize < versions.Count ? new Uri(Url, $"/secrets/{name}/versions?api-version=7.6&skip={skip + PageSize}").ToString() : null;
            return TypedResults.Json(new JsonObject { ["value"] = new JsonArray([.. versions.Skip(skip).Take(PageSize).Select(version => Json(name, version, withValue: false))]), ["nextLink"] = next });
        }
    }

    private JsonHttpResult<JsonObject> Get(string name, string version) => Find(name, version) switch
    {
        null => Error(404, "SecretNotFound", "A secret with this name and version was not found."),
        { Enabled: false } => Error(403, "Forbidden", "Operation get is not allowed on a disabled secret."),
        var found => TypedResults.Json(Json(name, found, withValue: true)),
    };

    private async Task<IResult> PatchAsync(string name, string version, HttpRequest request)
    {
        if (Find(name, version) is not { } found) return Error(404, "SecretNotFound", "A secret with this name and version was not found.");
        if ((await JsonNode.ParseAsync(request.Body))?["attributes"]?["enabled"] is { } enabled) found.Enabled = (bool)enabled;
        return TypedResults.Json(Json(name, found, withValue: false));
    }

    private Version? Find(string name, string id)
    {
        var versions = _secrets.GetValueOrDefault(name, []);
        lock (versions) return versions.Find(version => version.Id == id);
    }

    private JsonObject Json(string name, Version version, bool withValue)
    {
        var json = new JsonObject
        {
            ["id"] = new Uri(Url, $"/secrets/{name}/{version.Id}").ToString(),
            ["attributes"] = new JsonObject { ["enabled"] = version.Enabled, ["created"] = version.CreatedAt, ["updated"] = version.CreatedAt, ["recoveryLevel"] = "Recoverable" },
        };
        if (withValue) json["value"] = version.Value;
        return json;
    }

    private static JsonHttpResult<JsonObject> Error(int status, string code, string message) =>
        TypedResults.Json(new JsonObject { ["error"] = new JsonObject { ["code"] = code, ["message"] = message } }, statusCode: status);

    private sealed record Version(string Id, string Value, long CreatedAt)
    {
        public bool Enabled { get; set; } = true;
    }
}
