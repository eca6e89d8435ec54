using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>A field and what is wrong with it.</summary>
internal sealed record FieldError(string Path, string Message);

/// <summary>An RFC 9457 problem. The type is stable: <c>urn:fleet:problem:NAME</c>.</summary>
internal sealed record Problem(int Status, [property: JsonIgnore] string Name, string Title, string Detail, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<FieldError>? Errors = null)
{
    [JsonPropertyOrder(-1)]
    public string Type => "urn:fleet:problem:" + Name;

    /// <summary>The request's, as <c>X-Request-Id</c> told it: for the server's log.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RequestId { get; init; }

    /// <summary>What makes an osquery agent see a failure, where one may call.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Error { get; init; }

    public static IResult NotFound(string what) => new Problem(404, "not-found", "Not found", $"There is no {what}.").ToResult();

    public static IResult Invalid(IReadOnlyList<FieldError> errors) =>
        new Problem(422, "invalid", "Not valid", string.Join(" ", errors.Take(3).Select(error => $"{error.Path}: {error.Message}")), errors).ToResult();

    public static IResult Invalid(string path, string message) => Invalid([new(path, message)]);

    public static IResult Conflict(string detail) => new Problem(409, "conflict", "Conflict", detail).ToResult();

    public IResult ToResult() => new Answer(this);

    public static Task WriteAsync(HttpContext context, Problem problem) => problem.ToResult().ExecuteAsync(context);

    private sealed class Answer(Problem problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => TypedResults
            .Json(problem with { RequestId = httpContext.TraceIdentifier }, ManagerJson.Relaxed.Problem, "application/problem+json", problem.Status).ExecuteAsync(httpContext);
    }

    /// <summary>The status that a fault is answered with.</summary>
    public static int StatusOf(Exception fault) => Of(fault)?.Status ?? 500;

    /// <summary>Turns what goes wrong anywhere in the API into a problem.</summary>
    public static async Task CatchAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null }) await WriteAsync(context, Bare(context));
        }
        catch (Exception fault) when (!context.Response.HasStarted)
        {
            var problem = Of(fault);
            if (problem is not { Status: < 500 } && fault is not StorageBusyException)
            {
                context.RequestServices.GetRequiredService<ILogger<Problem>>().LogError(fault, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
                problem ??= new(500, "internal", "Internal error", "The server's log says more.");
            }

            // An agent may have lost its way here.
            await WriteAsync(context, problem!.Status >= 500 ? problem with { Error = problem.Title } : problem);
        }
    }

    /// <summary>ASP.NET's own refusals have a status and no words.</summary>
    private static Problem Bare(HttpContext context) => context.Response.StatusCode switch
    {
        400 => new(400, "bad-request", "Bad request", $"A parameter in '{context.Request.QueryString}' cannot be read: numbers are digits, times are ISO 8601."),
        405 => new(405, "method", "Method not allowed", $"{context.Request.Path} does not take {context.Request.Method}."),
        413 => new(413, "too-large", "Too large", FormattableString.Invariant($"A body has at most {context.RequestServices.GetRequiredService<Limits>().ManagerBodyBytes:N0} bytes.")),
        415 => MediaType(context),
        var status => new(status, "refused", "Refused", $"{context.Request.Method} {context.Request.Path} was refused."),
    };

    public static Problem MediaType(HttpContext context) =>
        new(415, "media-type", "Unsupported media type", $"{context.Request.Method} {context.Request.Path} does not take '{context.Request.ContentType}': send JSON, with 'Content-Type: application/json'.");

    /// <summary>What System.Text.Json says of a text that is no text, whether the serializer reads it or somebody asks a node for it.</summary>
    private const string JsonSource = "System.Text.Json.Rethrowable";

    private static Problem? Of(Exception fault) => fault switch
    {
        ConfigRefusedException refused => new(422, "invalid", "Not valid", refused.Message, [.. refused.Faults.Select(f => new FieldError(f.Path, f.Message))]),
        BadHttpRequestException { InnerException: JsonException json } => new(400, "bad-json", "The body is not the JSON that this call takes", JsonFault.Explain(json)),
        BadHttpRequestException bad => new(bad.StatusCode, "bad-request", "Bad request", JsonFault.Explain(bad)),
        InvalidOperationException { Source: JsonSource } => new(400, "bad-json", "The body is not the JSON that this call takes", "A text in it holds half of a surrogate pair (\\ud800 to \\udfff alone), which is no character."),
        ConflictException => new(412, "changed", "Changed meanwhile", "Somebody else changed it at the same time: read it again."),
        StorageBusyException busy => new(503, "busy", "Busy", busy.Message),
        StorageDamagedException => new(500, "damaged", "The store is damaged", "What the store holds is not what was written there; the server's log says where. Restore a backup."),
        StorageUnavailableException => new(503, "unavailable", "The store does not answer", "Repeat in a few seconds; the server's log says more."),
        LastAdminException last => new(409, "conflict", "Conflict", last.Message),
        BadPlaceException bad => new(400, "bad-request", "Bad request", bad.Message),
        TooLargeException large => new(413, "too-large", "Too large", large.Message),
        BadFileException wrong => new(400, "bad-json", "The body is not the JSON that this call takes", wrong.Message),
        _ => null,
    };
}
