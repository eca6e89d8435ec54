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

        return next(context);
    }

    /// <summary>What the endpoint's method takes from the query.</summary>
    public static IReadOnlyList<string> NamesOf(RouteEndpoint endpoint) =>
    [
        .. endpoint.Metadata.GetOrderedMetadata<IParameterBindingMetadata>()
            .Where(each => each.HasTryParse || each.ParameterInfo.ParameterType is var type && (type == typeof(string) || type == typeof(string[]) || type == typeof(StringValues)))
            .Where(each => endpoint.RoutePattern.GetParameter(each.Name) is null && !each.ParameterInfo.IsDefined(typeof(FromHeaderAttribute), inherit: false))
            .Select(each => each.Name),
    ];
}
