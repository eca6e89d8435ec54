namespace Fleet.Storage;

/// <summary>One version of a secret. Disabled ones are not read.</summary>
internal sealed record SecretVersion(string Version, string Value, DateTimeOffset CreatedAt);

/// <summary>Secrets by name, each in versions, newest first: Key Vault's shape.</summary>
internal interface ISecrets
{
    ValueTask<IReadOnlyList<SecretVersion>> FindAsync(string name, CancellationToken ct);

    /// <summary>Adds a version; older ones stay.</summary>
    ValueTask AddAsync(string name, string value, CancellationToken ct);

    /// <summary>Removes the secret with all its versions.</summary>
    ValueTask RemoveAsync(string name, CancellationToken ct);
}
