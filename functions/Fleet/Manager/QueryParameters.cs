using System.Globalization;
using System.Reflection;
using Fleet.Kernel;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Primitives;

namespace Fleet.Manager;

/// <summary>Beside its own parameters, an endpoint takes any whose name begins so.</summary>
internal sealed record FreeParameters(string Prefix);

/// <summary>Refuses query parameters that the endpoint does not have: a filter with a slip in its name would filter nothing.</summary>
internal static class QueryParameters
{
    /// <summary>Says that an endpoint takes <c>column.NAME=</c> and its like.</summary>
    public static RouteHandlerBuilder Takes(this RouteHandlerBuilder endpoint, string prefix) => endpoint.WithMetadata(new FreeParameters(prefix));

    public static Task RefuseUnknownAsync(HttpContext context, RequestDelegate next)
    {
        // What is no route handler, such as the answer to a path that nothing is at, declares nothing and is asked nothing.
        if (context.Request.Query.Count == 0 || context.GetEndpoint() is not RouteEndpoint endpoint || endpoint.Metadata.GetMetadata<MethodInfo>() is null) return next(context);
        var free = endpoint.Metadata.GetOrderedMetadata<FreeParameters>();
        var known = NamesOf(endpoint);
        foreach (var name in context.Request.Query.Keys)
        {
            if (known.Contains(name, StringComparer.OrdinalIgnoreCase) || free.Any(each => name.Length > each.Prefix.Length && name.StartsWith(each.Prefix, StringComparison.Ordinal))) continue;
            var all = known.Concat(free.Select(each => each.Prefix + "NAME")).Order(StringComparer.Ordinal).ToList();
            var hint = Nearest.To(name, known) is { } near ? $"Did you mean '{near}'?" : all.Count > 0 ? $"There are: {string.Join(", ", all)}." : "There are none here.";
            return Problem.WriteAsync(context, new(400, "unknown-parameter", "Unknown parameter", $"There is no parameter '{name}'. {hint}"));
        }

        foreach (var parameter in ParametersOf(endpoint))
        {
            var type = Nullable.GetUnderlyingType(parameter.ParameterInfo.ParameterType) ?? parameter.ParameterInfo.ParameterType;
            var text = context.Request.Query[parameter.Name].ToString();
            var wanted = text.Length == 0 ? null
                : type == typeof(int) && !int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) ? "a whole number"
                : type == typeof(bool) && !bool.TryParse(text, out _) ? "true or false"
                : type == typeof(DateTimeOffset) && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _) ? "a time such as 2026-01-31T12:00:00Z"
                : null;
            if (wanted is not null) return Problem.WriteAsync(context, new(400, "bad-request", "Bad request", $"The parameter '{parameter.Name}' is {wanted}, not '{text}'."));
        }

        return next(context);
    }

    /// <summary>What the endpoint's method takes from the query.</summary>
    public static IReadOnlyList<string> NamesOf(RouteEndpoint endpoint) => [.. ParametersOf(endpoint).Select(each => each.Name)];

    private static IEnumerable<IParameterBindingMetadata> ParametersOf(RouteEndpoint endpoint) => endpoint.Metadata.GetOrderedMetadata<IParameterBindingMetadata>()
        .Where(each => each.HasTryParse || each.ParameterInfo.ParameterType is var type && (type == typeof(string) || type == typeof(string[]) || type == typeof(StringValues)))
        .Where(each => endpoint.RoutePattern.GetParameter(each.Name) is null && !each.ParameterInfo.IsDefined(typeof(FromHeaderAttribute), inherit: false));
}
