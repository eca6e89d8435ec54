namespace Fleet.Agents;

/// <summary>Under which paths the calls are found: ours, Doorman's, and Fleet's.</summary>
internal static class AgentPaths
{
    private static readonly string[] s_prefixes = ["/api/v1/osquery/", "/api/osquery/", "/v1/", "/"];

    /// <summary>The call that a path names, such as <c>distributed/read</c>; null if it is no path for agents.</summary>
    /// <param name="path">The request's path.</param>
    /// <param name="isOurs">Agents alone come here, even if there is no such call: the answer must be one that they understand.</param>
    public static string? CallOf(string path, out bool isOurs)
    {
        isOurs = false;
        foreach (var prefix in s_prefixes)
        {
            if (!path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) continue;
            isOurs = prefix != "/";
            return path.AsSpan(prefix.Length).TrimEnd('/') switch
            {
                "enroll" => "enroll",
                "config" => "config",
                "log" => "log",
                "distributed/read" => "distributed/read",
                "distributed/write" => "distributed/write",
                "carve/start" or "carve/begin" => "carve/start",
                "carve/continue" or "carve/block" => "carve/continue",
                _ => null,
            };
        }

        return null;
    }
}
