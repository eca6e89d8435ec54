using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Security.KeyVault.Secrets;
using Fleet.Kernel;

namespace Fleet.Storage.Azure;

/// <summary>Secrets in Key Vault. What is retired or removed is disabled there, so that it can be looked up and enabled again; nothing is deleted.</summary>
/// <remarks>Needs the role Key Vault Secrets Officer. A secret holds at most 25 kB.</remarks>
internal sealed class KeyVaultSecrets : ISecrets
{
    private const int MostNameCharacters = 127;

    private readonly SecretClient _client;

    /// <param name="vault">Such as <c>https://NAME.vault.azure.net</c>.</param>
    /// <param name="credential">Who asks.</param>
    /// <param name="transport">What sends; null for the usual one.</param>
    public KeyVaultSecrets(Uri vault, TokenCredential credential, HttpPipelineTransport? transport = null)
    {
        // An emulator's address is no part of Azure's names, which a vault's challenge is checked against.
        var options = new SecretClientOptions { Retry = { MaxRetries = 3, NetworkTimeout = TimeSpan.FromSeconds(5) }, DisableChallengeResourceVerification = vault.IsLoopback };
        if (transport is not null) options.Transport = transport;
        _client = new(vault, credential, options);
    }

    public ValueTask<IReadOnlyList<SecretVersion>> FindAsync(string name, CancellationToken ct) => GuardAsync<IReadOnlyList<SecretVersion>>(async () =>
    {
        var versions = new List<SecretVersion>();
        foreach (var version in await EnabledAsync(name, ct))
        {
            try
            {
                var secret = (await _client.GetSecretAsync(version.Name, version.Version, ct)).Value;
                versions.Add(new(version.Version, secret.Value, version.CreatedOn!.Value));
            }
            catch (RequestFailedException fault) when (fault.Status is 403 or 404 && fault.ErrorCode is "Forbidden" or "SecretNotFound" && fault.Message.Contains("disabled", StringComparison.OrdinalIgnoreCase))
            {
                // Disabled since it was listed.
            }
        }

        return versions;
    }, ct);

    public async ValueTask AddAsync(string name, string value, CancellationToken ct) => await GuardAsync(async () => await _client.SetSecretAsync(NameOf(name), value, ct), ct);

    public async ValueTask RetireAsync(string name, int keep, CancellationToken ct) => await GuardAsync(async () =>
    {
        foreach (var version in (await EnabledAsync(name, ct)).Skip(keep))
        {
            version.Enabled = false;
            await _client.UpdateSecretPropertiesAsync(version, ct);
        }

        return true;
    }, ct);

    /// <summary>The vault's clock tells whole seconds: of two versions of one second, all instances take the same for the newer.</summary>
    private async Task<List<SecretProperties>> EnabledAsync(string name, CancellationToken ct)
    {
        var versions = new List<SecretProperties>();
        try
        {
            await foreach (var version in _client.GetPropertiesOfSecretVersionsAsync(NameOf(name), ct))
            {
                if (version.Enabled == true) versions.Add(version);
            }
        }
        catch (RequestFailedException fault) when (fault.Status == 404)
        {
            return [];
        }

        return [.. versions.OrderByDescending(version => version.CreatedOn).ThenBy(version => version.Version, StringComparer.Ordinal)];
    }

    private static async ValueTask<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken ct)
    {
        try
        {
            ct.ThrowIfCancellationRequested();
            return await call();
        }
        catch (Exception fault) when (AzureFault.IsUnavailable(fault, ct))
        {
            throw new StorageUnavailableException($"Key Vault does not answer: {fault.Message.Split('\n')[0]}", fault);
        }
    }

    /// <summary>Lower-case letters, digits and hyphens stay, since the vault's names know no case; all else becomes a digest.</summary>
    private static string NameOf(string name) =>
        name.Length <= MostNameCharacters && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? name : "x-" + Digest.Of(name);
}
