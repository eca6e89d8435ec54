namespace Fleet.Alerts;

/// <param name="Name">As in an alerter's settings.</param>
/// <param name="Kind"><c>text</c>, <c>url</c>, or <c>secret</c>, which is never shown again.</param>
internal sealed record AlerterField(string Name, string Title, string Kind, bool Required, string Hint);

/// <summary>A kind of alerter, described for whoever sets one up.</summary>
internal sealed record AlerterType(string Name, string Title, string Description, IReadOnlyList<AlerterField> Fields)
{
    public static IReadOnlyList<AlerterType> All { get; } =
    [
        new(Alerters.Log, "Log", "A line of JSON for each alert, to a file or to the console.",
            [new("path", "File", "text", Required: false, "A .log, .ndjson or .jsonl file, relative to the data folder; left out, the console.")]),
        new(Alerters.Webhook, "Webhook", "Each alert as JSON by POST, repeated while the other side is down.",
        [
            new("url", "Address", "url", Required: true, "An http or https address."),
            new("secret", "Secret", "secret", Required: false, "With one, the header X-Fleet-Signature holds the body's HMAC-SHA256."),
        ]),
    ];
}
