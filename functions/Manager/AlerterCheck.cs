using System.Net.Mail;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Manager;

/// <summary>Says what is wrong with an alerter's settings.</summary>
internal static class AlerterCheck
{
    private static readonly TimeSpan s_mostDigest = TimeSpan.FromDays(7);

    /// <param name="name">The alerter's.</param>
    /// <param name="request">As it shall be.</param>
    /// <param name="before">As it is; null if there is none.</param>
    /// <param name="limits">Of names and tags.</param>
    public static List<FieldError> Errors(string name, AlerterRequest request, AlerterSettings? before, Limits limits)
    {
        var errors = new List<FieldError>();
        if (Config.Names.Fault(name, limits) is { } nameFault) errors.Add(new("name", nameFault));
        if (request.MinimumSeverity is { } severity && !Severity.Names.Contains(severity)) errors.Add(new("minimumSeverity", $"This is one of {string.Join(", ", Severity.Names)}."));
        if (request.Tags is not null && TagSet.Fault([.. request.Tags], limits) is { } tagFault) errors.Add(new("tags", tagFault));
        if (request.TitleTemplate?.Length > 1_000) errors.Add(new("titleTemplate", "At most 1,000 characters fit."));
        if (request.TextTemplate?.Length > 20_000) errors.Add(new("textTemplate", "At most 20,000 characters fit."));
        if (AlerterType.Of(request.Type) is not { } type)
        {
            errors.Add(new("type", $"This is one of {string.Join(", ", AlerterType.All.Select(one => one.Name))}."));
            return errors;
        }

        if (request.DigestEvery is { } digest)
        {
            if (!type.CanDigest) errors.Add(new("digestEvery", $"{type.Title} has a message for each alert."));
            else if (!Duration.TryParse(digest, out var every) || every < limits.ShortestSpan || every > s_mostDigest) errors.Add(new("digestEvery", $"This is a span of time from {Duration.Text(limits.ShortestSpan)} to 7d, such as 30m."));
        }

        var hasSecret = request.Secret is null ? before?.HasSecret == true && before.Type == request.Type : request.Secret.Length > 0;
        foreach (var (field, value) in request.All)
        {
            var known = type.Fields.FirstOrDefault(one => one.Name == field);
            if (known is null && value is not null) errors.Add(new(field, $"{type.Title} does not have this."));
            else if (known is { Required: true } && string.IsNullOrWhiteSpace(value) && !(field == AlerterType.Secret && hasSecret)) errors.Add(new(field, $"This is needed: {known.Hint}"));
            else if (known is not null && value is { Length: > 0 } && Fault(type.Name, field, value) is { } fault) errors.Add(new(field, fault));
        }

        if (type.Name == "email" && request.User is not null != hasSecret) errors.Add(new(request.User is null ? "user" : "secret", "User and password are set together."));
        return errors;
    }

    private static string? Fault(string type, string field, string value) => (type, field) switch
    {
        (_, "url") => IsHttp(value) ? null : "This is an http or https address.",
        ("slack" or "teams", AlerterType.Secret) => IsHttp(value) ? null : "This is an http or https address.",
        ("sentry", AlerterType.Secret) => SentryAlerter.IsDsn(value) ? null : "This is a DSN: https://KEY@HOST/PROJECT.",
        ("pagerduty" or "opsgenie" or "eventgrid", AlerterType.Secret) => value.Any(c => c is <= ' ' or > '~') ? "This has no spaces, and ASCII characters only." : null,

        // The server appends to this file: it must not be one that means something to somebody else.
        (_, "path") => Path.GetExtension(value) is ".log" or ".ndjson" or ".jsonl" ? null : "This is the path of a .log, .ndjson or .jsonl file, or left out for the console.",
        ("syslog", "server") => Uri.TryCreate(value, UriKind.Absolute, out var server) && server is { Scheme: "tcp" or "tls", Port: > 0, AbsolutePath: "" or "/" } ? null : "This is tls://HOST:PORT or tcp://HOST:PORT.",
        ("email", "server") => Uri.TryCreate(value, UriKind.Absolute, out var server) && server is { Scheme: "smtp" or "smtp-plain", AbsolutePath: "" or "/" } && server.Host.Length > 0 && server.UserInfo.Length == 0 ? null : "This is smtp://HOST or smtp://HOST:PORT; smtp-plain:// without encryption.",
        ("email", "from") => MailAddress.TryCreate(value, out _) ? null : "This is an address: Fleet <fleet@example.org>.",
        ("email", "to") => AreAddresses(value) ? null : "These are one or more addresses, with commas between them.",
        _ => null,
    };

    private static bool IsHttp(string value) => Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Scheme is "http" or "https";

    private static bool AreAddresses(string value)
    {
        try
        {
            return new MailAddressCollection { value }.Count > 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
