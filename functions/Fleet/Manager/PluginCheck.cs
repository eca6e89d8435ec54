using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Says what is wrong with what alerters' and sinks' types ask for.</summary>
internal static class PluginCheck
{
    /// <param name="title">The type's.</param>
    /// <param name="fields">What it asks for.</param>
    /// <param name="given">What any type asks for, as it was given.</param>
    /// <param name="hasSecret">Whether it will have one.</param>
    /// <param name="fault">What is wrong with a field's value; null for nothing.</param>
    public static IEnumerable<FieldError> Errors(string title, IReadOnlyList<PluginField> fields, IEnumerable<(string Name, string? Value)> given, bool hasSecret, Func<string, string, string?> fault)
    {
        foreach (var (name, value) in given)
        {
            var known = fields.FirstOrDefault(one => one.Name == name);
            if (known is null && value is not null) yield return new(name, $"{title} does not have this.");
            else if (known is { Required: true } && string.IsNullOrWhiteSpace(value) && !(name == Plugin.Secret && hasSecret)) yield return new(name, $"This is needed, such as {known.Example}");
            else if (known is not null && value is { Length: > 0 } && fault(name, value) is { } wrong) yield return new(name, wrong);
        }
    }

    /// <summary>What all have: a name, which the body may repeat, and tags.</summary>
    public static IEnumerable<FieldError> Common(string name, string? repeated, IReadOnlyList<string>? tags, Limits limits)
    {
        if (Config.Names.Fault(name, limits) is { } nameFault) yield return new("name", nameFault);
        if (repeated is not null && repeated != name) yield return new("name", $"The path says '{name}'.");
        if (tags is not null && TagSet.Fault([.. tags], limits) is { } tagFault) yield return new("tags", tagFault);
    }

    /// <summary>Whether it will have a secret: another type's is no use to it.</summary>
    /// <param name="sent">As it was sent; null if it was not.</param>
    /// <param name="type">Its type.</param>
    /// <param name="before">As it is; null if there is none.</param>
    public static bool HasSecret(string? sent, string type, Plugin? before) => sent is null ? before?.HasSecret == true && before.Type == type : sent.Length > 0;

    /// <summary>What was given, without the secret.</summary>
    public static Dictionary<string, string> Kept(IEnumerable<(string Name, string? Value)> given) =>
        given.Where(field => field.Name != Plugin.Secret && field.Value is { Length: > 0 }).ToDictionary(field => field.Name, field => field.Value!);

    public static string? HttpFault(string value) => Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" ? null : "This is an http or https address.";

    /// <summary>The server appends to this file: it must not be one that means something to somebody else.</summary>
    public static string? FileFault(string value) => Path.GetExtension(value) is ".log" or ".ndjson" or ".jsonl" ? null : "This is the path of a .log, .ndjson or .jsonl file.";

    public static string? SyslogFault(string value) =>
        Uri.TryCreate(value, UriKind.Absolute, out var server) && server is { Scheme: "tcp" or "tls", Port: > 0, AbsolutePath: "" or "/" } ? null : "This is tls://HOST:PORT or tcp://HOST:PORT.";
}
