using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Fleet.Manager;

/// <summary>The API's types in its description.</summary>
internal static class ApiSchemas
{
    /// <summary><c>Node</c> for NodeBody, <c>NodeList</c> for a list of it; what is any JSON has no name.</summary>
    public static string? NameOf(JsonTypeInfo info)
    {
        var type = info.Type;
        if (type == typeof(JsonNode) || type == typeof(JsonObject) || type == typeof(JsonArray) || type == typeof(JsonElement) || type == typeof(IReadOnlyList<string>)) return null;
        if (type is { IsGenericType: true } && type.GetGenericTypeDefinition() == typeof(ListOf<>)) return (type.GetGenericArguments()[0] is var of && of == typeof(JsonObject) ? "Object" : Short(of.Name)) + "List";
        return OpenApiOptions.CreateDefaultSchemaReferenceId(info) is { } name ? Short(name) : null;
    }

    public static Task ChangeAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken ct)
    {
        var type = context.JsonPropertyInfo?.PropertyType ?? context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(AllowedValuesAttribute), inherit: false) is [AllowedValuesAttribute allowed])
        {
            schema.Enum = [.. allowed.Values.Select(value => value is string text ? (JsonNode)JsonValue.Create(text) : JsonNullSentinel.JsonNull)];
        }

        // A converter of one's own hides what it writes.
        if ((Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTimeOffset))
        {
            schema.Type = JsonSchemaType.String | (Nullable.GetUnderlyingType(type) is not null && context.JsonPropertyInfo is not null ? JsonSchemaType.Null : 0);
            schema.Format = "date-time";
        }

        if (type == typeof(IReadOnlyList<string>))
        {
            var isNullable = context.JsonPropertyInfo is { } property && (property.AssociatedParameter?.IsNullable ?? property.IsGetNullable);
            (schema.Type, schema.Items) = (JsonSchemaType.Array | (isNullable ? JsonSchemaType.Null : 0), new OpenApiSchema { Type = JsonSchemaType.String });
        }

        // What is only written is null only where its type says so.
        if (context.JsonPropertyInfo is { Set: null, AssociatedParameter: null, IsGetNullable: false }) schema.Type &= ~JsonSchemaType.Null;
        if (type == typeof(JsonArray)) (schema.Type, schema.Items) = ((schema.Type & JsonSchemaType.Null) | JsonSchemaType.Array, new OpenApiSchema());
        if (type == typeof(JsonObject)) (schema.Type, schema.AdditionalPropertiesAllowed, schema.AdditionalProperties) = ((schema.Type & JsonSchemaType.Null) | JsonSchemaType.Object, true, null);
        return Task.CompletedTask;
    }

    /// <summary>Only what is read refuses members that are unknown; what is answered may have more of them one day.</summary>
    public static void Complete(OpenApiDocument document)
    {
        var read = new HashSet<string>();
        foreach (var operation in document.Paths.Values.SelectMany(path => path.Operations!.Values))
        {
            foreach (var body in operation.RequestBody?.Content?.Values ?? []) Walk(body.Schema, document, read);
        }

        foreach (var (name, schema) in document.Components?.Schemas ?? new Dictionary<string, IOpenApiSchema>())
        {
            if (schema is OpenApiSchema made && !read.Contains(name)) made.AdditionalPropertiesAllowed = true;
        }
    }

    private static void Walk(IOpenApiSchema? schema, OpenApiDocument document, HashSet<string> seen)
    {
        if (schema is OpenApiSchemaReference { Reference.Id: { } id })
        {
            if (!seen.Add(id)) return;
            schema = document.Components?.Schemas?[id];
        }

        if (schema is null) return;
        Walk(schema.Items, document, seen);
        foreach (var inner in (schema.Properties?.Values ?? []).Concat(schema.OneOf ?? []).Concat(schema.AnyOf ?? [])) Walk(inner, document, seen);
    }

    private static string Short(string name) => name.EndsWith("Body", StringComparison.Ordinal) && !name.StartsWith("New", StringComparison.Ordinal) ? name[..^4] : name;
}
