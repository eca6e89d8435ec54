using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Storage;
using MimeKit;

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
        var errors = PluginCheck.Common(name, request.Name, request.Tags, limits).ToList();
        if (request.MinimumSeverity is { } severity && !Severity.Names.Contains(severity)) errors.Add(new("minimumSeverity", $"This is one of {string.Join(", ", Severity.Names)}."));
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

        var hasSecret = PluginCheck.HasSecret(request.Secret, request.Type, before);
        errors.AddRange(PluginCheck.Errors(type.Title, type.Fields, request.All, hasSecret, (field, value) => Fault(type.Name, field, value)));
        if (type.Name == "email" && request.User is not null != hasSecret) errors.Add(new(request.User is null ? "user" : "secret", "User and password are set together."));
        return errors;
    }

    private static string? Fault(string type, string field, string value) => (type, field) switch
    {
        (_, "url") or ("slack" or "teams", Plugin.Secret) => PluginCheck.HttpFault(value),
        ("sentry", Plugin.Secret) => SentryAlerter.IsDsn(value) ? null : "This is a DSN: https://KEY@HOST/PROJECT.",
        ("pagerduty" or "opsgenie" or "eventgrid", Plugin.Secret) => value.Any(c => c is <= ' ' or > '~') ? "This has no spaces, and ASCII characters only." : null,
        (_, "path") => PluginCheck.FileFault(value),
        ("syslog", "server") => PluginCheck.SyslogFault(value),
        ("email", "server") => Uri.TryCreate(value, UriKind.Absolute, out var server) && server is { Scheme: "smtp" or "smtps" or "smtp-plain", AbsolutePath: "" or "/" } && server.Host.Length > 0 && server.UserInfo.Length == 0 ? null : "This is smtp://HOST or smtp://HOST:PORT, or smtps:// with TLS from the start; smtp-plain:// without encryption.",
        ("email", "from") => MailboxAddress.TryParse(value, out var from) && from.Domain.Length > 0 ? null : "This is an address: Fleet <fleet@example.org>.",
        ("email", "to") => InternetAddressList.TryParse(value, out var to) && to.Mailboxes.Any() && to.Mailboxes.All(one => one.Domain.Length > 0) ? null : "These are one or more addresses, with commas between them.",
        _ => null,
    };
}
