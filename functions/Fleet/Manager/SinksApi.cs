using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Sinks;
using Fleet.Storage;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="Type">One of <c>GET /api/schema/sinks</c>, which says what each needs.</param>
/// <param name="Secret">Never shown again; left out, it stays; empty, it is removed.</param>
/// <param name="Results">Whether it takes results.</param>
/// <param name="StatusLogs">Whether it takes osquery's own logs.</param>
/// <param name="Queries">Of results: queries by name, with <c>*</c> for anything; left out, all.</param>
/// <param name="Tags">Only of nodes with any of these tags; left out, of all.</param>
/// <param name="MinimumSeverity">Of status logs: 0 info, 1 warning, 2 error, 3 fatal.</param>
/// <param name="Name">As the path says, or left out: what was read may be sent again. <paramref name="HasSecret"/> is not looked at.</param>
/// <param name="Format"><c>event</c> (osquery's own, default) or <c>ecs</c> (Elastic's Common Schema).</param>
internal sealed record SinkRequest(
    string Type, string? Path = null, int? Megabytes = null, int? Files = null, string? Container = null, string? Url = null, string? Index = null, string? Tenant = null, string? Rule = null, string? Stream = null, string? Server = null,
    string? Secret = null, bool Enabled = true, bool Results = true, bool StatusLogs = false, IReadOnlyList<string>? Queries = null, IReadOnlyList<string>? Tags = null, int MinimumSeverity = 0, string? Format = null, string? Name = null, bool? HasSecret = null)
{
    /// <summary>What belongs to types, the secret with it.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<(string Name, string? Value)> All =>
    [
        ("path", Path), ("megabytes", Megabytes?.ToString(CultureInfo.InvariantCulture)), ("files", Files?.ToString(CultureInfo.InvariantCulture)), ("container", Container), ("url", Url), ("index", Index), ("tenant", Tenant), ("rule", Rule), ("stream", Stream), ("server", Server), (Plugin.Secret, Secret),
    ];
}

internal sealed record SinkBody(
    string Name, string Type, string? Path, int? Megabytes, int? Files, string? Container, string? Url, string? Index, string? Tenant, string? Rule, string? Stream, string? Server, bool HasSecret,
    bool Enabled, bool Results, bool StatusLogs, IReadOnlyList<string> Queries, IReadOnlyList<string> Tags, int MinimumSeverity, string Format);

/// <param name="Waiting">Batches that wait, as far as a thousand.</param>
/// <param name="LagSeconds">How long the first of them has been waiting; 0 for none.</param>
/// <param name="Sent">Lines that were taken.</param>
/// <param name="Dropped">Lines that the filter held back, of batches of which a rule or a sink takes some.</param>
/// <param name="Failures">Since the last success.</param>
/// <param name="Error">What went wrong last; null when it works.</param>
/// <param name="Refused">Batches with lines that the target would not take, as far as a hundred; their other lines were sent.</param>
/// <param name="RefusedCount">How many there are, as far as a thousand.</param>
internal sealed record SinkStatus(int Waiting, double LagSeconds, long Sent, long Dropped, DateTimeOffset? SentAt, int Failures, DateTimeOffset? NextAt, string? Error, IReadOnlyList<RefusedBatch> Refused, int RefusedCount);

internal sealed record RefusedBatch(string NodeId, string Reason, DateTimeOffset At);

internal sealed record SinkFieldBody(string Name, string Title, string Kind, bool Required, string Example, string Hint);

internal sealed record SinkTypeBody(string Type, string Title, string Description, IReadOnlyList<SinkFieldBody> Fields);

/// <summary>The kinds of sinks, for forms.</summary>
internal sealed record SinkSchema(IReadOnlyList<SinkTypeBody> Types);

/// <summary>Where lines go besides the tables.</summary>
internal static class SinksApi
{
    private const int MostRefused = 100;
    private static readonly string[] s_formats = [SinkSettings.Event, SinkSettings.Ecs];

    public static void MapSinks(this IEndpointRouteBuilder api)
    {
        api.MapGet("/schema/sinks", Types).For(Role.Viewer).Docs<SinkSchema>("List the kinds of sinks and their settings", id: "getSinkSchema");
        api.MapGet("/sinks", (SinkStore sinks, Limits limits, ClaimsPrincipal person, int? take, string? after, int? page) =>
            TypedResults.Ok(Paging.PageOf(sinks.Current.Items, sink => sink.Name, take, after, page, limits, sink => Body(sink, person)))).For(Role.Viewer).Docs<ListOf<SinkBody>>("List sinks");
        api.MapGet("/sinks/{name}", Find).For(Role.Viewer).Docs<SinkBody>("Read a sink");
        api.MapGet("/sinks/{name}/status", StatusAsync).For(Role.Viewer).Docs<SinkStatus>("Say how a sink is doing", id: "getSinkStatus");
        api.MapPut("/sinks/{name}", PutAsync).For(Role.Admin).Docs<SinkBody>("Make or replace a sink", body: """{"type":"http","url":"https://example.org/osquery","queries":["pack/*"]}""", status: [200, 201]);
        api.MapPost("/sinks/{name}/test", TestAsync).For(Role.Admin).Docs<AlerterTest>("Send one line to a sink, and say what came back", id: "testSink");
        api.MapPost("/sinks/{name}/retry", RetryAsync).For(Role.Operator).Docs("Send again what a sink's target would not take, and try now what waits", id: "retrySink");
        api.MapDelete("/sinks/{name}", RemoveAsync).For(Role.Admin).Docs("Remove a sink, and what waits for it");
    }

    private static Ok<SinkSchema> Types() => TypedResults.Ok(new SinkSchema([.. SinkType.All.Select(type => new SinkTypeBody(
        type.Name, type.Title, type.Description, [.. type.Fields.Select(field => new SinkFieldBody(field.Name, field.Title, field.Kind, field.Required, field.Example, field.Hint))]))]));

    private static IResult Find(string name, SinkStore sinks, HttpContext http)
    {
        if (sinks.Find(Paging.Name(name)) is not { } stored) return Missing(name);
        http.ShowEtag(stored.Etag);
        return TypedResults.Ok(Body(stored.Item, http.User));
    }

    private static async Task<IResult> StatusAsync(string name, SinkStore sinks, SinkQueue queue, TimeProvider clock, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (sinks.Find(name) is null) return Missing(name);
        var state = await queue.FindStateAsync(name, ct);
        var (waiting, since) = await queue.LengthAsync(name, ct);
        var refused = await queue.RefusedAsync(name, TableLimits.PageRows, ct);
        return TypedResults.Ok(new SinkStatus(
            waiting, since is { } first ? Math.Max(0, Math.Round((clock.GetUtcNow() - first).TotalSeconds)) : 0, state.Sent, state.Dropped + queue.HeldBack(name), state.SentAt, state.Attempts, state.NextAt, state.Error,
            [.. refused.Take(MostRefused).Select(one => new RefusedBatch(one.Batch.Node.ToString(), one.Reason, one.At))], refused.Count));
    }

    private static async Task<IResult> PutAsync(string name, SinkRequest request, SinkStore sinks, PluginPlaces places, Limits limits, HttpContext http, CancellationToken ct, bool? dryRun = null)
    {
        name = Paging.Name(name);
        var stored = await sinks.ReadAsync(name, ct);
        if (Errors(name, request, stored?.Item, sinks, limits) is { Count: > 0 } errors) return Problem.Invalid(errors);
        if (places.Errors(request.All).ToList() is { Count: > 0 } refused) return Problem.Invalid(refused);

        var wanted = new SinkSettings(
            name, request.Type, PluginCheck.Kept(request.All), stored?.Item.HasSecret ?? false)
        {
            Enabled = request.Enabled,
            Results = request.Results,
            StatusLogs = request.StatusLogs,
            Queries = [.. (request.Queries ?? []).Distinct()],
            Tags = TagSet.Of(request.Tags ?? []),
            MinimumSeverity = request.MinimumSeverity,
            Format = request.Format ?? SinkSettings.Event,
        };

        return await Edits(sinks).PutAsync(http, stored, wanted, request.Secret, dryRun, ct);
    }

    private static List<FieldError> Errors(string name, SinkRequest request, SinkSettings? before, SinkStore sinks, Limits limits)
    {
        var errors = PluginCheck.Common(name, request.Name, request.Tags, limits).ToList();
        if (request.Queries?.Any(query => query.Length is 0 or > Limits.LineNameCharacters) == true) errors.Add(new("queries", "A query's name has 1 to 1,000 characters."));
        if (request.MinimumSeverity is < 0 or > 3) errors.Add(new("minimumSeverity", "This is 0 (info), 1 (warning), 2 (error) or 3 (fatal)."));
        if (request.Format is not null && !s_formats.Contains(request.Format)) errors.Add(new("format", $"This is one of {string.Join(", ", s_formats)}."));
        if (request is { Results: false, StatusLogs: false }) errors.Add(new("results", "It takes results, status logs, or both."));
        if (SinkType.Of(request.Type) is not { } type)
        {
            errors.Add(new("type", $"This is one of {string.Join(", ", SinkType.All.Select(one => one.Name))}."));
            return errors;
        }

        var hasSecret = PluginCheck.HasSecret(request.Secret, request.Type, before);
        errors.AddRange(PluginCheck.Errors(type.Title, type.Fields, request.All, hasSecret, Fault));

        // Each turns the file over as if it were its own.
        if (request.Path is { } path && sinks.Current.Items.FirstOrDefault(one => one.Name != name && one.Field("path") is { } other && Path.GetFullPath(other, "/") == Path.GetFullPath(path, "/")) is { } owner)
        {
            errors.Add(new("path", $"Sink '{owner.Name}' writes to this file."));
        }

        return errors;
    }

    private static string? Fault(string field, string value) => field switch
    {
        "url" => PluginCheck.HttpFault(value),
        "path" => PluginCheck.FileFault(value),
        "megabytes" => int.TryParse(value, out var megabytes) && megabytes is >= 1 and <= 100_000 ? null : "This is a number from 1 to 100,000.",
        "files" => int.TryParse(value, out var files) && files is >= 1 and <= 1_000 ? null : "This is a number from 1 to 1,000.",
        "container" => value.Length is >= 3 and <= 63 && value.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && value[0] != '-' && value[^1] != '-' && !value.Contains("--", StringComparison.Ordinal)
            && value is not ("carves" or "catalog") ? null : "This has 3 to 63 lower-case letters, digits and single hyphens, and is not 'carves' or 'catalog'.",
        "server" => PluginCheck.SyslogFault(value),
        Plugin.Secret => value.Any(char.IsControl) ? "This holds no line breaks." : null,
        _ => null,
    };

    private static async Task<IResult> TestAsync(string name, SinkStore sinks, Limits limits, TimeProvider clock, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (await sinks.FindAsync(name, ct) is not var (sink, settings)) return Missing(name);
        http.Audit().Target = "sinks/" + name;
        var now = clock.GetUtcNow();
        var line = new JsonObject { ["name"] = "fleet/test", ["action"] = "added", ["hostIdentifier"] = "test", ["unixTime"] = now.ToUnixTimeSeconds(), ["columns"] = new JsonObject { ["sent_by"] = http.Actor() } };
        var began = clock.GetTimestamp();
        var record = new SinkRecord(Guid.NewGuid().ToString("N"), now, default, "test", "fleet/test", null, JsonSerializer.SerializeToUtf8Bytes(line, ManagerJson.Strict.JsonObject));
        return AlerterTest.Of(http, await Delivery.TryAsync(stop => sink.SendAsync([record], stop), limits.SinkTimeout, ct), clock.GetElapsedTime(began));
    }

    private static async Task<IResult> RetryAsync(string name, SinkStore sinks, SinkQueue queue, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (sinks.Find(name) is null) return Missing(name);
        var count = await queue.RetryAsync(name, ct);
        (http.Audit().Target, http.Audit().Reason) = ("sinks/" + name, $"{count} batches again");
        return TypedResults.NoContent();
    }

    private static async Task<IResult> RemoveAsync(string name, SinkStore sinks, SinkQueue queue, HttpContext http, CancellationToken ct)
    {
        name = Paging.Name(name);
        if (await sinks.ReadAsync(name, ct) is not { } stored) return Missing(name);
        if (await Edits(sinks).RemoveAsync(http, stored, ct) is { } fault) return fault;
        await queue.ForgetAsync(name, ct);
        return TypedResults.NoContent();
    }

    private static PluginEdits<SinkSettings, ISink, SinkBody> Edits(SinkStore sinks) => new("sinks", sinks, Body, ManagerJson.Strict.SinkBody);

    private static IResult Missing(string name) => Problem.NotFound($"sink '{Paging.Name(name)}'");

    /// <summary>An address may hold a credential: only admins see more than its host.</summary>
    private static SinkBody Body(SinkSettings sink, ClaimsPrincipal person) => Body(sink, isWhole: person.IsAdmin());

    private static SinkBody Body(SinkSettings sink, bool isWhole) => new(
        sink.Name, sink.Type, sink.Field("path"), sink.Number("megabytes"), sink.Number("files"), sink.Field("container"), isWhole ? sink.Field("url") : AlertersApi.Masked(sink.Field("url")), sink.Field("index"), sink.Field("tenant"),
        sink.Field("rule"), sink.Field("stream"), sink.Field("server"), sink.HasSecret, sink.Enabled, sink.Results, sink.StatusLogs, sink.Queries, sink.Tags.Tags, sink.MinimumSeverity, sink.Format);
}
