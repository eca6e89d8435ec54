namespace Fleet.Manager;

/// <summary>What the query parameters mean, which are the same everywhere, with a value as an example.</summary>
internal static class ApiParameters
{
    public static IReadOnlyDictionary<string, (string Description, string? Example)> All { get; } = new Dictionary<string, (string, string?)>(StringComparer.Ordinal)
    {
        ["take"] = ("How many entries a page holds, within the server's limits.", "20"),
        ["after"] = ("The `next` of the page before.", null),
        ["page"] = ("A page by its number from 1 on, instead of `after`.", "1"),
        ["from"] = ("Not before this time.", "\"2026-01-01T00:00:00Z\""),
        ["to"] = ("Not after this time.", "\"2099-01-01T00:00:00Z\""),
        ["tags"] = ("Names, separated by commas.", "\"prod,eu\""),
        ["format"] = ("`ndjson` (default) or `csv`.", "\"csv\""),
        ["trailer"] = ("Ends NDJSON with a line that says how many rows there were; from HTTP/2 on the trailer Fleet-Rows does.", "true"),
        ["dryRun"] = ("Only say what would change.", "true"),
        ["allow"] = ("Queries that are not valid: `disabled` keeps them and sends them to no agent, `forced` sends them all the same. Without it they are refused.", "\"disabled\""),
        ["q"] = ("A text to search for, in any case.", "\"web\""),
        ["sort"] = ("By what.", "\"name\""),
        ["order"] = ("`asc` (default) or `desc`.", "\"desc\""),
        ["tag"] = ("With this tag; nodes with any of these, separated by commas.", "\"prod\""),
        ["allTags"] = ("With all of these, separated by commas.", "\"prod,eu\""),
        ["noTags"] = ("With none of these, separated by commas.", "\"lab\""),
        ["untagged"] = ("Those without any tag.", "false"),
        ["platform"] = ("Any of linux, darwin, windows, freebsd, separated by commas.", "\"linux,darwin\""),
        ["osqueryVersion"] = ("Any of these, separated by commas.", "\"5.23.1\""),
        ["seenSince"] = ("Heard of since then.", "\"2026-01-01T00:00:00Z\""),
        ["seenBefore"] = ("Not heard of since then.", "\"2099-01-01T00:00:00Z\""),
        ["action"] = ("Of results any of added, removed, snapshot, triggered, separated by commas; in the audit log a part of it.", "\"added\""),
        ["query"] = ("The query's name, as agents write it: `uptime`, or `pack/NAME/QUERY`.", "\"uptime\""),
        ["node"] = ("The node's id.", "\"00000000000000000000000000000000\""),
        ["nodeId"] = ("The node's id.", "\"00000000000000000000000000000000\""),
        ["ruleId"] = ("The rule's id.", "\"demo\""),
        ["actor"] = ("Who: a name, in any case.", "\"ada\""),
        ["target"] = ("What it was done to, or what lies under it.", "\"queries/uptime\""),
        ["failed"] = ("Only what was refused or failed.", "true"),
        ["hours"] = ("How many hours back, 744 at most.", "24"),
        ["all"] = ("Everybody's; for admins.", "false"),
        ["name"] = ("What it shall be called.", "\"uptime\""),
        ["returnTo"] = ("A page of this server to come back to.", "\"/nodes\""),
    };
}
