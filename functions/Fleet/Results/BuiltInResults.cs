using System.Globalization;
using System.Text.Json;
using Fleet.Bus;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Results;

/// <summary>Results that Fleet makes itself. They are stored and judged like any other; their action is <c>triggered</c>.</summary>
/// <param name="batches">Where they are stored.</param>
/// <param name="inbox">Has them found by searches and back-tests.</param>
/// <param name="bus">Tells the rules.</param>
/// <param name="isWanted">Whether a rule names a query.</param>
internal sealed class BuiltInResults(BatchStore batches, Inbox inbox, IBus bus, Func<string, bool> isWanted)
{
    public const string NodeEnrolled = "fleet/node_enrolled";
    public const string NodeSilent = "fleet/node_silent";
    public const string BatchQuarantined = "fleet/batch_quarantined";
    public const string QueryDenylisted = "fleet/query_denylisted";
    public const string CertificateExpires = "fleet/certificate_expires";

    public const string EnrollRefused = "fleet/enroll_refused";

    /// <summary>What results about the server itself have as their host identifier. They belong to no node.</summary>
    private const string Server = "fleet-server";
    private const string DoormansEnrolled = "doorman/tasks/node_enrolled";
    private const string DoormansSilent = "doorman/tasks/node_offline_checks";

    /// <summary>Doorman's name for the same, so that its rules load unchanged.</summary>
    public static string Canonical(string name) => name switch
    {
        DoormansEnrolled => NodeEnrolled,
        DoormansSilent => NodeSilent,
        _ => name,
    };

    /// <summary>What Doorman calls a built-in result; null for all others.</summary>
    public static string? DoormansName(string name) => name switch
    {
        NodeEnrolled => DoormansEnrolled,
        NodeSilent => DoormansSilent,
        _ => null,
    };

    /// <summary>A node enrolled for the first time. Safe to repeat: the batch follows from the node.</summary>
    public ValueTask RaiseEnrolledAsync(Node node, string? address, CancellationToken ct) => RaiseAsync(
        node,
        NodeEnrolled,
        node.EnrolledAt!.Value,
        new()
        {
            ["node_id"] = node.Id.ToString(),
            ["host_identifier"] = node.HostIdentifier,
            ["enrolled_on"] = node.EnrolledAt.Value.ToString("O", CultureInfo.InvariantCulture),
            ["last_ip"] = address ?? "",
            ["platform"] = node.Platform,
        },
        ct);

    /// <summary>A node has not been heard of for a while.</summary>
    /// <param name="node">The node.</param>
    /// <param name="at">When it is told: follows from <paramref name="seen"/>, so that instances agree.</param>
    /// <param name="seen">When it was heard of.</param>
    /// <param name="ct">Stops before the write.</param>
    public ValueTask RaiseSilentAsync(Node node, DateTimeOffset at, Seen seen, CancellationToken ct)
    {
        var checkIn = at - (seen.At ?? node.EnrolledAt ?? at);
        var result = at - (seen.ResultAt ?? node.EnrolledAt ?? at);
        return RaiseAsync(
            node,
            NodeSilent,
            at,
            new()
            {
                ["since_last_checkin"] = Seconds(checkIn),
                ["since_last_checkin_seconds"] = Seconds(checkIn),
                ["since_last_checkin_days"] = Days(checkIn),
                ["since_last_result"] = Seconds(result),
                ["since_last_result_seconds"] = Seconds(result),
                ["since_last_result_days"] = Days(result),
                ["since_last_checkin_to_last_result"] = Seconds(result - checkIn),
                ["since_last_checkin_to_last_result_seconds"] = Seconds(result - checkIn),
                ["since_last_checkin_to_last_result_days"] = Days(result - checkIn),
            },
            ct);
    }

    /// <summary>A node's lines could not be worked off by a stage, and were put aside.</summary>
    public ValueTask RaiseQuarantinedAsync(Node node, string stage, BatchKey batch, string reason, DateTimeOffset at, CancellationToken ct) => RaiseAsync(
        node, BatchQuarantined, at, new() { ["stage"] = stage, ["batch"] = batch.ToString(), ["reason"] = reason.Length > 1_000 ? reason[..1_000] : reason }, ct);

    /// <summary>An agent was ended while it ran a query, and leaves the query alone for a day.</summary>
    public ValueTask RaiseDenylistedAsync(Node node, string query, bool isDistributed, DateTimeOffset at, CancellationToken ct) =>
        RaiseAsync(node, QueryDenylisted, at, new() { ["query"] = query, ["distributed"] = isDistributed ? "1" : "0", ["host_identifier"] = node.HostIdentifier }, ct);

    /// <summary>A machine was refused at enrollment. It is no node.</summary>
    public ValueTask RaiseRefusedAsync(EnrollRefusal refusal, CancellationToken ct) => RaiseAsync(
        default, Server, EnrollRefused, refusal.Last,
        new() { ["reason"] = refusal.Reason, ["address"] = refusal.Address, ["host_identifier"] = refusal.Host, ["agent"] = refusal.Agent, ["count"] = refusal.Count.ToString(CultureInfo.InvariantCulture) }, ct);

    /// <summary>The server's certificate has expired, or does within days. Once a day: the batch follows from the day.</summary>
    public ValueTask RaiseCertificateAsync(DateTimeOffset notAfter, DateTimeOffset now, CancellationToken ct) => RaiseAsync(
        default, Server, CertificateExpires, new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero),
        new() { ["expires_at"] = notAfter.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), ["days"] = Days(notAfter - now) }, ct);

    private ValueTask RaiseAsync(Node node, string name, DateTimeOffset at, Dictionary<string, string> columns, CancellationToken ct) => RaiseAsync(node.Id, node.HostIdentifier, name, at, columns, ct);

    private async ValueTask RaiseAsync(NodeId node, string host, string name, DateTimeOffset at, Dictionary<string, string> columns, CancellationToken ct)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("action", "triggered");
            json.WriteString("hostIdentifier", host);
            json.WriteNumber("unixTime", at.ToUnixTimeSeconds());
            json.WriteStartObject("columns");
            foreach (var (column, value) in columns) json.WriteString(column, value);
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
        }

        var lines = bytes.ToArray();
        var key = batches.KeyOf(Schema.Results, node, Digest.Of(lines), at.ToUnixTimeSeconds());
        await batches.WriteAsync(key, lines, 1, [name], at.ToUnixTimeSeconds(), at.ToUnixTimeSeconds(), ct);
        await inbox.AddAsync(key, ct);
        if (isWanted(name)) await bus.PublishAsync(Addresses.Results, key.ToString(), node.ToString(), ct);
    }

    private static string Seconds(TimeSpan span) => ((long)span.TotalSeconds).ToString(CultureInfo.InvariantCulture);

    private static string Days(TimeSpan span) => ((long)span.TotalDays).ToString(CultureInfo.InvariantCulture);
}
