using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Fleet.Manager;

/// <summary>What an endpoint tells of itself; the rest is read from its route, its role and its types.</summary>
/// <param name="Id">The operation's id, where the one made of method and route is wrong.</param>
/// <param name="Body">A request's body, as JSON.</param>
/// <param name="Example">An answer, as JSON.</param>
/// <param name="Files">The content types of an answer that is no JSON.</param>
internal sealed record Documented(string Summary, string? Id, bool IsList, string? Body, string? Example, IReadOnlyList<string>? Files = null);

/// <summary>Its answer has the member <c>notes</c> beside those of its type.</summary>
internal sealed record NotesMark;

/// <summary>The API's description, OpenAPI 3.1, at <c>/api/openapi.json</c>: made from the code when it is first asked for.</summary>
internal static class ApiDocs
{
    private const string Token = "token";
    private const string Session = "session";
    private const string Csrf = "csrf";

    private static readonly (int Status, string Name, string Text)[] s_refusals =
    [
        (400, "BadRequest", "A parameter or the body cannot be read."),
        (401, "Unauthenticated", "No valid token or session came with the request."),
        (403, "Forbidden", "The role may not do this, or the header X-Fleet-Csrf is missing."),
        (404, "NotFound", "There is no such thing."),
        (409, "Conflict", "It does not fit what is there now."),
        (412, "PreconditionFailed", "It was changed meanwhile: read it again."),
        (413, "TooLarge", "The body is too large."),
        (422, "Invalid", "The body can be read, and something in it is wrong: `errors` names each place."),
        (429, "TooMany", "Too many requests: wait as long as Retry-After says."),
        (503, "Unavailable", "The store is busy or does not answer: repeat in a few seconds."),
    ];

    public static IServiceCollection AddApiDocs(this IServiceCollection services) => services.AddSingleton<ApiDocument>().AddOpenApi(ApiDocument.Name, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        // A test asks that every endpoint under /api has its Docs.
        options.ShouldInclude = description => description.ActionDescriptor.EndpointMetadata.Any(each => each is Documented);
        options.CreateSchemaReferenceId = ApiSchemas.NameOf;
        options.AddSchemaTransformer(ApiSchemas.ChangeAsync);
        options.AddOperationTransformer(DescribeAsync);
        options.AddDocumentTransformer(CompleteAsync);
    });

    /// <summary>Documents an endpoint that answers with JSON.</summary>
    public static RouteHandlerBuilder Docs<T>(
        this RouteHandlerBuilder endpoint, string summary, string? id = null, string? body = null, string? example = null, int[]? status = null, string type = "application/json")
    {
        var isList = typeof(T) is { IsGenericType: true } made && made.GetGenericTypeDefinition() == typeof(ListOf<>);
        foreach (var each in status ?? [200]) endpoint.WithMetadata(new ProducesResponseTypeMetadata(each, typeof(T), [type]));
        return endpoint.WithMetadata(new Documented(summary, id, isList, body, example));
    }

    /// <summary>Documents that the answer says what there is to know of the item beside its members.</summary>
    public static RouteHandlerBuilder WithNotes(this RouteHandlerBuilder endpoint) => endpoint.WithMetadata(new NotesMark());

    /// <summary>Documents an endpoint that answers with nothing.</summary>
    public static RouteHandlerBuilder Docs(this RouteHandlerBuilder endpoint, string summary, string? id = null, string? body = null) =>
        endpoint.WithMetadata(new ProducesResponseTypeMetadata(204, typeof(void)), new Documented(summary, id, IsList: false, body, Example: null));

    /// <summary>Documents an endpoint that answers with a file.</summary>
    public static RouteHandlerBuilder DocsFile(this RouteHandlerBuilder endpoint, string summary, params string[] types) =>
        endpoint.WithMetadata(new ProducesResponseTypeMetadata(200, typeof(void)), new Documented(summary, Id: null, IsList: false, Body: null, Example: null, types));

    private static Task DescribeAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var api = context.Description;
        var metadata = api.ActionDescriptor.EndpointMetadata;
        var docs = metadata.OfType<Documented>().Last();
        var document = context.Document!;
        var path = api.RelativePath!.Split('/') is ["api", .. var inApi] ? inApi : api.RelativePath.Split('/');
        operation.OperationId = docs.Id ?? OperationIds.Of(api.HttpMethod!, path, docs.IsList);
        operation.Summary = docs.Summary;
        operation.Tags = new HashSet<OpenApiTagReference> { new(path[0].Split('.')[0], document) };

        if (docs.Body is { } body && operation.RequestBody?.Content is { } taken) foreach (var (_, type) in taken.Where(one => one.Key == "application/json")) type.Example = Parse(body, operation);
        foreach (var (_, type) in (operation.RequestBody?.Content ?? new Dictionary<string, OpenApiMediaType>()).Where(one => !one.Key.EndsWith("json", StringComparison.Ordinal))) type.Schema = new OpenApiSchema { Type = JsonSchemaType.String };
        if (operation.RequestBody is OpenApiRequestBody request) request.Required = !metadata.OfType<Microsoft.AspNetCore.Http.Metadata.IAcceptsMetadata>().Any(accepts => accepts.IsOptional);
        if (docs.Example is { } example)
        {
            foreach (var type in operation.Responses!.Where(each => each.Key[0] == '2').SelectMany(each => each.Value.Content?.Values ?? [])) type.Example = Parse(example, operation);
        }

        if (metadata.OfType<NotesMark>().Any()) AddNotes(operation, document);

        // Not by a type such as Stream: the API's own JSON knows none.
        if (docs.Files is { } files && operation.Responses!["200"] is OpenApiResponse answer)
        {
            answer.Content = files.ToDictionary(type => type, _ => new OpenApiMediaType { Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "binary" } });
        }

        foreach (var parameter in (operation.Parameters ?? []).OfType<OpenApiParameter>())
        {
            if (!ApiParameters.All.TryGetValue(parameter.Name!, out var known)) continue;
            parameter.Description ??= known.Description;
            if (parameter.In == ParameterLocation.Query && known.Example is { } value) parameter.Example = JsonNode.Parse(value);
        }

        foreach (var free in metadata.OfType<FreeParameters>())
        {
            // An object that is written out: each of its members is a parameter of its own.
            (operation.Parameters ??= []).Add(new OpenApiParameter
            {
                Name = free.Prefix.TrimEnd('.') + "s",
                In = ParameterLocation.Query,
                Style = ParameterStyle.Form,
                Explode = true,
                Description = $"Any number of `{free.Prefix}NAME=VALUE`.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.Object, AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String } },
            });
        }

        Secure(operation, metadata, isRead: api.HttpMethod == "GET", document);
        var hasBody = operation.RequestBody is not null;
        var writes = api.HttpMethod != "GET";
        foreach (var (status, name, _) in s_refusals)
        {
            var applies = status switch
            {
                400 => hasBody || operation.Parameters is { Count: > 0 },
                401 => operation.Security is { Count: > 0 } || hasBody,
                403 => operation.Security is { Count: > 0 },
                404 => path.Any(part => part[0] == '{') && !operation.Responses!.ContainsKey("201"),
                409 => writes,
                412 => api.HttpMethod is "PUT" or "PATCH" or "DELETE",
                413 or 422 => hasBody,
                _ => true,
            };
            if (applies) operation.Responses![status.ToString(CultureInfo.InvariantCulture)] = new OpenApiResponseReference(name, document);
        }

        return Task.CompletedTask;
    }

    private static void AddNotes(OpenApiOperation operation, OpenApiDocument document)
    {
        foreach (var type in operation.Responses!.Where(each => each.Key[0] == '2').SelectMany(each => each.Value.Content?.Values ?? []))
        {
            var notes = new OpenApiSchema
            {
                Type = JsonSchemaType.Array,
                Items = new OpenApiSchemaReference(nameof(FieldError), document),
                Description = "What osquery ignores or misreads, which agents run it, and what was left out, by its place.",
            };
            var beside = new OpenApiSchema { Type = JsonSchemaType.Object, Properties = new Dictionary<string, IOpenApiSchema> { [ItemKind.Notes] = notes }, Required = new HashSet<string> { ItemKind.Notes } };
            type.Schema = new OpenApiSchema { AllOf = [type.Schema!, beside] };
        }
    }

    /// <summary>The least role, told thrice: for people, for programs of ours, and for programs of others.</summary>
    private static void Secure(OpenApiOperation operation, IList<object> metadata, bool isRead, OpenApiDocument document)
    {
        if (metadata.OfType<IAllowAnonymous>().Any() || metadata.OfType<IAuthorizeData>().LastOrDefault()?.Policy is not { } role)
        {
            operation.Security = [];
            operation.Description = Join(operation.Description, "Needs no sign-in.");
            return;
        }

        operation.Description = Join(operation.Description, $"Least role: `{role}`.");
        (operation.Extensions ??= new Dictionary<string, IOpenApiExtension>())["x-fleet-role"] = new JsonNodeExtension(role);
        var bySession = new OpenApiSecurityRequirement { [new(Session, document)] = [role] };
        if (!isRead) bySession[new(Csrf, document)] = [];
        operation.Security = [new() { [new(Token, document)] = [role] }, bySession];
    }

    private static async Task CompleteAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken ct)
    {
        document.Info = new()
        {
            Title = "Fleet",
            Version = "1",
            Description = "The REST API for people and scripts. Lists come in pages; every refusal is an RFC 9457 problem; members and parameters that are unknown are refused.",
        };
        document.Servers = [new() { Url = "/", Description = "Where this document came from." }];
        document.Tags = document.Paths.Values.SelectMany(path => path.Operations!.Values).SelectMany(each => each.Tags!)
            .Select(tag => tag.Reference.Id!).Distinct().Order(StringComparer.Ordinal).Select(name => new OpenApiTag { Name = name }).ToHashSet();

        document.AddComponent<IOpenApiSecurityScheme>(Token, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A token that `fleet token create` made." });
        document.AddComponent<IOpenApiSecurityScheme>(Session, new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Cookie, Name = "fleet", Description = "From POST /api/session." });
        document.AddComponent<IOpenApiSecurityScheme>(Csrf, new OpenApiSecurityScheme { Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "X-Fleet-Csrf", Description = "`1`, with every write by cookie." });

        var problem = await context.GetOrCreateSchemaAsync(typeof(Problem), cancellationToken: ct);
        document.AddComponent<IOpenApiSchema>(nameof(FieldError), await context.GetOrCreateSchemaAsync(typeof(FieldError), cancellationToken: ct));
        ((OpenApiSchema)problem.Properties!["errors"]).Items = new OpenApiSchemaReference(nameof(FieldError), document);
        problem.Required!.Add("type");
        document.AddComponent<IOpenApiSchema>(nameof(Problem), problem);
        foreach (var (_, name, text) in s_refusals)
        {
            document.AddComponent<IOpenApiResponse>(name, new OpenApiResponse
            {
                Description = text,
                Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new OpenApiMediaType { Schema = new OpenApiSchemaReference(nameof(Problem), document) } },
            });
        }

        ApiSchemas.Complete(document);
    }

    private static JsonNode? Parse(string json, OpenApiOperation operation) =>
        JsonNode.Parse(json) ?? throw new InvalidOperationException($"{operation.OperationId} has an example that is null.");

    private static string Join(string? before, string after) => string.IsNullOrWhiteSpace(before) ? after : $"{before}\n\n{after}";
}
