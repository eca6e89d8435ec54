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

/// <summary>What becomes of machines that share a host identifier, once they are known as clones.</summary>
internal enum ClonePolicy
{
    /// <summary>They stay one node, and people are told.</summary>
    Tell,

    /// <summary>Each osquery installation becomes a node of its own.</summary>
    Split,
}

/// <summary>How machines enroll: <c>Fleet__Enroll__NAME</c>.</summary>
/// <param name="SecretField">The member of the enroll body that holds the secret: the agents' <c>tls_enroll_override</c>.</param>
/// <param name="TagDelimiter">Separates a secret from the tags behind it (<c>secret:tag1:tag2</c>); empty for no such tags.</param>
/// <param name="DefaultTags">Every new node gets these.</param>
/// <param name="UniqueHostIdentifiers">One identifier is one node. If not, every osquery installation is one.</param>
/// <param name="Clones">What becomes of clones that share an identifier.</param>
internal sealed record EnrollmentSettings(
    string SecretField = "enroll_secret",
    string TagDelimiter = ":",
    IReadOnlyList<string>? DefaultTags = null,
    bool UniqueHostIdentifiers = true,
    ReenrollPolicy Reenroll = ReenrollPolicy.Allow,
    ClonePolicy Clones = ClonePolicy.Tell);
