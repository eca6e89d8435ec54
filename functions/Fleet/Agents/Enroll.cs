using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>A machine's first call: it trades the enroll secret for a key of its own.</summary>
internal sealed class Enroll(
    Enrollment enrollment, EnrollmentSettings settings, NodeDirectory directory, SigningKeys signing, EnrollRefusals refusals, Arrivals arrivals, Activity activity, ChangeFeed changes, TimeProvider clock, ILogger<Enroll> log)
    : IAgentCall
{
    public bool TakesKey => false;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        EnrollBody body;
        try
        {
            body = EnrollBody.Read(request.Body, settings.SecretField);
        }
        catch (JsonException)
        {
            return new(400, """{"node_invalid":true,"error":"the body must be a JSON object"}"""u8.ToArray());
        }

        await changes.LookAsync(ct);
        await signing.EnsureAsync(ct);
        var enrolled = request.Certified is { } name
            ? await enrollment.EnrollCertifiedAsync(name, body.Details, ct)
            : await enrollment.EnrollAsync(body.Secret, body.HostIdentifier, body.NodeKey ?? request.HeaderKey, body.Details, ct);
        if (enrolled.Node is not { } node)
        {
            var reason = request.CertificateFault is { } certificate ? $"{enrolled.Reason}, and {certificate}" : enrolled.Reason;
            refusals.Note(reason, request.Address, body.HostIdentifier, request.UserAgent);
            log.LogInformation("Refused to enroll '{Host}' from {Address}: {Reason}", body.HostIdentifier is { Length: > 100 } host ? host[..100] : body.HostIdentifier ?? "", request.Address, reason);
            return AgentAnswer.NodeInvalid;
        }

        await arrivals.AnnounceAsync(node, request.Address, ct);
        activity.Note(ActivityKind.Enrollments);
        (await directory.RefreshAsync(node.Id, ct))?.Touch(clock.GetUtcNow(), request.Address);
        return new(200, Encoding.UTF8.GetBytes($$"""{"node_key":"{{enrolled.NodeKey}}","node_invalid":false}"""));
    }

    private sealed record EnrollBody(string? Secret, string? HostIdentifier, string? NodeKey, HostDetails Details)
    {
        public static EnrollBody Read(ReadOnlyMemory<byte> json, string secretField)
        {
            var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("The body must be a JSON object.");

            string? secret = null, host = null, key = null, platform = null;
            ReadOnlyMemory<byte> details = default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var member = JsonText.String(ref reader);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                var text = reader.TokenType is JsonTokenType.String or JsonTokenType.Number ? JsonText.Scalar(ref reader, json.Span) : null;
                var isObject = reader.TokenType == JsonTokenType.StartObject;
                var isText = reader.TokenType == JsonTokenType.String;
                reader.Skip();
                if (member == secretField && isText) secret ??= text;
                else if (member == "host_identifier" && isText) host ??= text;
                else if (member == "node_key" && isText) key ??= text;
                else if (member == "platform_type") platform ??= text;
                else if (member == "host_details" && isObject && details.IsEmpty) details = json[start..(int)reader.BytesConsumed];
            }

            while (reader.Read())
            {
            }

            return new(secret, host, key, HostDetails.Read(details, platform));
        }
    }
}
