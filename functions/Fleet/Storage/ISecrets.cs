namespace Fleet.Storage;

/// <summary>One version of a secret.</summary>
internal sealed record SecretVersion(string Version, string Value, DateTimeOffset CreatedAt);

/// <summary>Secrets by name, each in versions: Key Vault's shape. Every implementation passes <c>SecretsContract</c>.</summary>
internal interface ISecrets
{
    /// <summary>The versions in use, newest first; empty if there are none.</summary>
    ValueTask<IReadOnlyList<SecretVersion>> FindAsync(string name, CancellationToken ct);

    /// <summary>Adds a version; older ones stay.</summary>
    ValueTask AddAsync(string name, string value, CancellationToken ct);

    /// <summary>Takes all but the newest <paramref name="keep"/> versions out of use; 0 removes the secret.</summary>
    ValueTask RetireAsync(string name, int keep, CancellationToken ct);
}
