using Fleet.Agents;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Upkeep;

namespace Fleet.Hosting;

/// <summary>How the server is reached.</summary>
/// <param name="Url">Where it listens. A name or <c>localhost</c> over https listens on all addresses, an address on that one.</param>
/// <param name="AllowPlain">Plain HTTP is served beyond loopback: a TLS terminator stands before it.</param>
/// <param name="TrustedProxies">Addresses and networks whose X-Forwarded-For and -Proto are believed.</param>
/// <param name="Certificate">PEM chain; null for the one that is made in the data folder.</param>
/// <param name="CertificateKey">PEM key of <paramref name="Certificate"/>.</param>
internal sealed record HttpSettings(Uri Url, bool AllowPlain, IReadOnlyList<string> TrustedProxies, string? Certificate, string? CertificateKey);

/// <summary>What goes out of this server: <c>Fleet__Outbound__NAME</c>.</summary>
/// <param name="Allow">Addresses, networks and names of this machine or of private networks that alerters, sinks and sign-in may connect to.</param>
/// <param name="Folders">Folders that alerters and sinks may write files to, beside the data folder's <c>out</c>.</param>
internal sealed record OutboundSettings(IReadOnlyList<string> Allow, IReadOnlyList<string> Folders);

/// <summary>Everything that can be set, as <c>Fleet__Section__Key</c> in the environment or under <c>Fleet</c> in appsettings.json.</summary>
/// <param name="IsFunctionsApp">Whether requests, messages and timers come from the Functions host: it listens, and the program does not.</param>
internal sealed record Settings(
    string Data, BackendSettings Backends, HttpSettings Http, bool Agents, bool Manager, EnrollmentSettings Enroll, CertificateSettings Certificates, SilenceSettings Silence, NodeExpirySettings NodeExpiry, PresenceSettings Presence, NodeInfo NodeInfo, LogSettings Logs,
    RetentionSettings Retention, AuthSettings Auth, CautionSettings Caution, TransparencySettings Transparency, IReadOnlyList<string> ExtraTables, CarveSettings Carves, OutboundSettings Outbound, Limits Limits, bool IsFunctionsApp)
{
    /// <summary>Each setting as it holds, and where it comes from.</summary>
    public IReadOnlyList<SettingBody> Entries { get; private init; } = [];

    public const string DefaultUrl = "https://localhost:8443";

    /// <summary>Whether the server makes and shows its own certificate.</summary>
    public bool MakesCertificate => !IsFunctionsApp && Http is { Certificate: null, Url.Scheme: "https" };

    /// <summary>Reads all settings.</summary>
    /// <exception cref="SettingsException">Every mistake at once: unknown keys, and values that cannot be.</exception>
    public static Settings Read(IConfiguration configuration, bool isFunctionsApp = false)
    {
        var read = new SettingsReader(configuration);
        var url = read.Url("Url", DefaultUrl);
        var silentAfter = read.Span("Nodes:SilentAfter", TimeSpan.FromHours(1));
        var retention = read.Span("Logs:Retention", TimeSpan.FromDays(30));
        var settings = new Settings(
            Path.GetFullPath(read.Text("Data", "data")),
            BackendSettings.Read(read),
            new(
                url,
                read.Flag("Http:AllowPlain", false),
                read.List("Http:TrustedProxies", []),
                read.Text("Http:Certificate", null),
                read.Text("Http:CertificateKey", null)),
            read.Flag("Agents:Enabled", true),
            read.Flag("Manager:Enabled", true),
            new(
                read.Text("Enroll:SecretField", "enroll_secret"),
                read.Text("Enroll:TagDelimiter", ":"),
                read.List("Enroll:DefaultTags", []),
                read.Flag("Enroll:UniqueHostIdentifiers", true),
                read.Choice("Enroll:Reenroll", ReenrollPolicy.Allow),
                read.Choice("Enroll:Clones", ClonePolicy.Tell)),
            new(
                read.Text("Certificates:Authorities", null),
                read.Text("Certificates:RevocationList", null),
                read.List("Certificates:Tags", []),
                ByHeader: isFunctionsApp),
            new(silentAfter, read.Span("Nodes:SilentEvery", TimeSpan.FromDays(1))),
            ExpiryOf(read),
            new(read.Span("Nodes:OnlineWithin", TimeSpan.FromMinutes(5)), silentAfter),
            new(read.List("Nodes:CapturedColumns", NodeInfo.Default)),
            new(read.Number("Logs:MinimumStatusSeverity", 0, 0, 3), retention),
            new(retention, read.Span("Alerts:Retention", TimeSpan.FromDays(365)), read.Span("Carves:Retention", TimeSpan.FromDays(30)), read.Span("Audit:Retention", TimeSpan.FromDays(365))),
            read.Auth(url, isHosted: isFunctionsApp),
            new(read.Number("Queries:CautionNodes", 1_000, 0, int.MaxValue), read.List("Queries:SensitiveTables", CautionSettings.DefaultTables)),
            new(read.Flag("Transparency:Enabled", false), read.Span("Transparency:LinkLife", TimeSpan.FromDays(30))),
            read.List("Sql:ExtraTables", []),
            new CarveSettings(read.Flag("Carves:Unasked", false)),
            new(read.List("Outbound:Allow", []), read.List("Outbound:Folders", [])),
            read.Limits(),
            isFunctionsApp);
        read.Check("Sql:ExtraTables", () =>
        { foreach (var ddl in settings.ExtraTables) Fleet.Config.ExtraTables.OfDdl(ddl); });
        read.Check("Http:TrustedProxies", () =>
        { foreach (var proxy in settings.Http.TrustedProxies) Proxies.Parse(proxy); });
        read.Check("Certificates:Authorities", () => _ = new ClientCertificates(settings.Certificates with { RevocationList = null }, TimeProvider.System));
        read.Check("Certificates:RevocationList", () => _ = settings.Certificates.RevocationList is { } list ? new RevocationList(list).Current() : null);
        if (settings is { IsFunctionsApp: false, Http.Url.Scheme: "http", Certificates.Authorities: not null })
        {
            read.Fault("Certificates:Authorities", "client certificates come with TLS, which this server must speak itself: use an https address");
        }

        foreach (var (key, _) in configuration.AsEnumerable().Where(pair => pair.Key.StartsWith("Fleet_", StringComparison.Ordinal)))
        {
            read.Fault(key["Fleet_".Length..].Replace("_", ":", StringComparison.Ordinal), $"it is written with two underscores each, and {key} has one");
        }

        if (url.Scheme == "http" && !settings.Http.AllowPlain && !url.IsLoopback)
        {
            read.Fault("Url", "plain HTTP is served on loopback only; behind a TLS terminator set Fleet__Http__AllowPlain=true");
        }

        if ((settings.Http.Certificate is null) != (settings.Http.CertificateKey is null)) read.Fault("Http:CertificateKey", "a certificate and its key are set together");
        read.ThrowIfFaulty();
        return settings with { Entries = read.Entries };
    }

    private static NodeExpirySettings ExpiryOf(SettingsReader read)
    {
        const string ByTag = "Nodes:ExpireAfterByTag";
        var after = read.Span("Nodes:ExpireAfter", TimeSpan.Zero);
        var byTag = new Dictionary<string, TimeSpan>(StringComparer.Ordinal);
        foreach (var entry in read.List(ByTag, []))
        {
            if (entry.Split('=') is [var tag, var text] && tag.Trim().Length > 0 && Duration.TryParse(text.Trim(), out var span) && span > TimeSpan.Zero) byTag[tag.Trim()] = span;
            else read.Fault(ByTag, $"'{entry}' is not a tag and a span of time, such as kiosk=30d");
        }

        return new(after > TimeSpan.Zero ? after : null, byTag);
    }
}

/// <summary>The settings cannot be used; the message lists every mistake.</summary>
internal sealed class SettingsException(string message) : Exception(message);
