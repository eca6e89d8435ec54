using Fleet.Alerts;
using Fleet.Rules;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fleet.Manager;

/// <param name="IsTime">Its values are ISO 8601 or epoch seconds.</param>
/// <param name="HasName">A condition on it names a column or decoration: its operators begin with <c>column_</c>, its value with the name.</param>
internal sealed record RuleFieldBody(string Name, string Title, bool IsTime, bool HasName);

/// <param name="Operand">What it compares with: <c>none</c>, <c>one</c>, <c>two</c> or <c>many</c> values.</param>
/// <param name="Kind">What these are: <c>text</c>, <c>pattern</c>, <c>version</c>, <c>network</c> or <c>place</c> (<c>node</c> or <c>fleet</c>: it is asked of columns and decorations alone).</param>
internal sealed record RuleOperatorBody(string Name, string Title, string Operand, string Kind);

/// <summary>What rules are made of, for editors.</summary>
internal sealed record RuleSchema(IReadOnlyList<RuleFieldBody> Fields, IReadOnlyList<RuleOperatorBody> Operators, IReadOnlyList<string> Severities, int MostDepth, int MostConditions);

/// <param name="Kind"><c>text</c>, <c>url</c> or <c>secret</c>.</param>
/// <param name="Example">What it may look like.</param>
internal sealed record AlerterFieldBody(string Name, string Title, string Kind, bool Required, string Example, string Hint);

/// <param name="CanDigest">Whether one message may be about several alerts.</param>
internal sealed record AlerterTypeBody(string Type, string Title, string Description, bool CanDigest, IReadOnlyList<AlerterFieldBody> Fields);

/// <summary>The kinds of alerters, for forms.</summary>
internal sealed record AlerterSchema(IReadOnlyList<AlerterTypeBody> Types);

/// <summary>What editors and forms are made from.</summary>
internal static class SchemaApi
{
    public static void MapSchema(this IEndpointRouteBuilder api)
    {
        api.MapGet("/schema/rules", RuleParts).For(Role.Viewer).Docs<RuleSchema>("List the fields and operators of rules", id: "getRuleSchema");
        api.MapGet("/schema/alerters", AlerterTypes).For(Role.Viewer).Docs<AlerterSchema>("List the kinds of alerters and their settings", id: "getAlerterSchema");
    }

    private static Ok<RuleSchema> RuleParts(Kernel.Limits limits) => TypedResults.Ok(new RuleSchema(
        [.. RuleParser.Fields.Select(field => new RuleFieldBody(field.Name, Title(field.Name), field.Field == RuleField.Timestamp, field.Field is RuleField.Column or RuleField.Decoration))],
        [.. Operators.Names.Select(name => new RuleOperatorBody(name, Title(name), Operators.TryFind(name, out var op, out _) ? op.Shape.ToString().ToLowerInvariant() : "one", op.Kind.ToString().ToLowerInvariant()))],
        Severity.Names,
        limits.RuleDepth,
        limits.RuleConditions));

    private static Ok<AlerterSchema> AlerterTypes() => TypedResults.Ok(new AlerterSchema([.. AlerterType.All.Select(type => new AlerterTypeBody(
        type.Name, type.Title, type.Description, type.CanDigest, [.. type.Fields.Select(field => new AlerterFieldBody(field.Name, field.Title, field.Kind, field.Required, field.Example, field.Hint))]))]));

    private static string Title(string name) => name.Replace('_', ' ');
}
