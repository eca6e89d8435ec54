namespace Fleet.Manager;

/// <summary>Names of operations, made of method and route: <c>GET /nodes/{id}/status-logs</c> is <c>listNodeStatusLogs</c>.</summary>
internal static class OperationIds
{
    /// <param name="path">The route's segments after <c>/api</c>.</param>
    public static string Of(string method, IReadOnlyList<string> path, bool isList)
    {
        var words = path.Where(part => part[0] != '{').ToList();
        var ofOne = One(Camel(words[0]));

        // POST /campaigns/{id}/cancel and POST /queries/check are named by what they do.
        if (method == "POST" && words.Count > 1) return Lower(Camel(words[^1])) + ofOne;
        var what = words.Count > 1 ? ofOne + string.Concat(words.Skip(1).Select(Camel)) : isList ? Camel(words[0]) : ofOne;
        return method switch
        {
            "GET" => isList ? "list" : "get",
            "POST" => "create",
            "PUT" => "put",
            "PATCH" => "change",
            "DELETE" => "remove",
            _ => throw new ArgumentException($"No word for {method}.", nameof(method)),
        } + what;
    }

    private static string Camel(string kebab) => string.Concat(kebab.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static string Lower(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string One(string many) =>
        many.EndsWith("ies", StringComparison.Ordinal) ? many[..^3] + "y" : many.EndsWith('s') && !many.EndsWith("ss", StringComparison.Ordinal) ? many[..^1] : many;
}
