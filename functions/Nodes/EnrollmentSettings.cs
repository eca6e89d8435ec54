namespace Fleet.Nodes;

/// <summary>What becomes of a machine that enrolls a second time.</summary>
internal enum ReenrollPolicy
{
    /// <summary>It gets its key again: Doorman's way.</summary>
    Allow,

    /// <summary>It gets a new key, and the old one dies.</summary>
    Rotate,

    /// <summary>It waits until a person lets it in; its old key stays good.</summary>
    Approve,
}

/// <summary>How machines enroll: <c>Fleet__Enroll__NAME</c>.</summary>
/// <param name="SecretField">The member of the enroll body that holds the secret: the agents' <c>tls_enroll_override</c>.</param>
/// <param name="TagDelimiter">Separates a secret from the tags behind it (<c>secret:tag1:tag2</c>); empty for no such tags.</param>
/// <param name="DefaultTags">Every new node gets these.</param>
/// <param name="UniqueHostIdentifiers">One identifier is one node. If not, every enrollment makes a node.</param>
internal sealed record EnrollmentSettings(
    string SecretField = "enroll_secret",
    string TagDelimiter = ":",
    IReadOnlyList<string>? DefaultTags = null,
    bool UniqueHostIdentifiers = true,
    ReenrollPolicy Reenroll = ReenrollPolicy.Allow);
