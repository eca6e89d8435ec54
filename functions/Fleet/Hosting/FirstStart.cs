using System.Buffers.Text;
using System.Security.Cryptography;
using Fleet.Alerts;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Hosting;

/// <summary>Makes what a new store lacks. A second start finds everything again.</summary>
/// <remarks>What people must be told lies in the data folder, or in the vault if there is one: as <c>first-enroll-secret</c> and <c>admin-password</c>.</remarks>
internal sealed class FirstStart(
    DataFolder folder, Settings settings, ITables tables, ISecrets vault, Installation installation, SigningKeys signing, EnrollSecrets secrets, Alerters alerters, UserStore users, ChangeFeed changes)
{
    public const string AdminName = "admin";
    public const string PasswordVariable = "FLEET_ADMIN_PASSWORD";
    public const string VaultSecret = "first-enroll-secret";
    public const string VaultPassword = "admin-password";

    /// <summary>What the agents of Debian and its kin trust: whoever terminates TLS before this server has a certificate from one of these, or the flag is edited.</summary>
    private const string SystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

    private readonly SemaphoreSlim _once = new(1);
    private volatile bool _isDone;

    private bool HasVault => settings.Backends.Vault is not null;

    /// <summary>Prepares and makes the admin, once: where nothing may be asked of the network before the first request.</summary>
    public async ValueTask EnsureAsync(CancellationToken ct)
    {
        if (_isDone) return;
        await _once.WaitAsync(ct);
        try
        {
            if (_isDone) return;
            await PrepareAsync(ct);

            // Without a vault there is no other place to find it: a developer's machine, whose console is theirs.
            if (await EnsureAdminAsync(ct) is { } password) Console.WriteLine($"admin password  {password}   (user '{AdminName}'; shown this once)");
            _isDone = true;
        }
        finally
        {
            _once.Release();
        }
    }

    /// <summary>Keys, the first enroll secret and the alerter <c>log</c>.</summary>
    public async Task PrepareAsync(CancellationToken ct)
    {
        using var turn = settings.Backends.IsEmbedded ? await folder.TakeTurnAsync(ct) : null;
        await installation.CheckAsync(ct);
        var isNew = (await tables.ListAsync(Schema.Alerters, ct)).Count == 0;
        await signing.ReadAsync(ct);
        await changes.LookAsync(ct);

        // The alerter comes last: whoever finds the store new does all of it, also after a start that died in the middle.
        if (!isNew) return;
        await EnsureSecretAsync(ct);
        await alerters.PutAsync(new(Alerters.Log, Alerters.Log, new Dictionary<string, string>()), secret: null, etag: null, ct);
    }

    /// <summary>The admin's account, if there is no account at all; returns its password if this made one up and the vault does not hold it.</summary>
    public async Task<string?> EnsureAdminAsync(CancellationToken ct)
    {
        using var turn = settings.Backends.IsEmbedded ? await folder.TakeTurnAsync(ct) : null;
        if ((await users.ListAsync(ct)).Count > 0) return null;
        var given = Environment.GetEnvironmentVariable(PasswordVariable);
        if (given is { Length: > 0 and < UserStore.LeastPassword }) throw new SettingsException($"{PasswordVariable} must have at least {UserStore.LeastPassword} characters.");
        var password = !string.IsNullOrEmpty(given) ? given : HasVault ? await InVaultAsync(VaultPassword, NewPassword, ct) : NewPassword();
        try
        {
            await users.AddAsync(AdminName, password, Role.Admin, ct);
        }
        catch (ConflictException)
        {
            // Another instance was faster, with the same password from the vault.
        }

        return string.IsNullOrEmpty(given) && !HasVault ? password : null;
    }

    /// <summary>The flags that an osqueryd can be started with as they stand. A file that is there, and may have been edited, stays.</summary>
    /// <returns>A word for the person who starts the server, or null.</returns>
    public async Task<string?> EnsureFlagsAsync(Uri url, CancellationToken ct)
    {
        var address = $"--tls_hostname={NameOf(url)}:{url.Port}";
        if (File.Exists(folder.Flags))
        {
            var named = (await File.ReadAllLinesAsync(folder.Flags, ct)).FirstOrDefault(line => line.StartsWith("--tls_hostname=", StringComparison.Ordinal));
            return named == address ? null : $"{folder.Flags} says {named}, and this is {address}. Delete it to have it made anew.";
        }

        var certificate = settings.Http.Certificate ?? (url.Scheme == "https" ? folder.Certificate : SystemAuthorities);
        var flags = AgentFlags.Of($"{NameOf(url)}:{url.Port}", Path.GetFullPath(certificate), folder.EnrollSecret, OperatingSystem.IsWindows() ? "windows" : "linux", settings.Enroll);
        await File.WriteAllTextAsync(folder.Flags, string.Join('\n', flags) + "\n", ct);
        return url.Scheme == "https" ? null : "Agents speak TLS only: put a TLS terminator before this address, and its name into their flags.";
    }

    /// <summary>osquery knows no IPv6 addresses, and nobody can connect to the address that stands for all.</summary>
    private static string NameOf(Uri url) => url.HostNameType == UriHostNameType.IPv6 || url.Host == "0.0.0.0" ? "localhost" : url.Host;

    private async Task EnsureSecretAsync(CancellationToken ct)
    {
        // First where people find it: a text that is only in the store, as a hash, would be lost.
        var text = HasVault ? await InVaultAsync(VaultSecret, EnrollSecrets.NewText, ct) : await InFileAsync(ct);
        if (await secrets.FindAsync(text, ct) is not null) return;
        try
        {
            await secrets.CreateAsync("first", TagSet.None, expiresAt: null, maxUses: null, node: null, text, ct);
        }
        catch (ConflictException)
        {
            // Another instance was faster.
        }
    }

    private async Task<string> InFileAsync(CancellationToken ct)
    {
        var text = File.Exists(folder.EnrollSecret) ? (await File.ReadAllTextAsync(folder.EnrollSecret, ct)).Trim() : "";
        if (text.Length == 0) await DataFolder.WritePrivateAsync(folder.EnrollSecret, text = EnrollSecrets.NewText(), ct);
        return text;
    }

    /// <summary>The oldest version: two instances that start at once may both have added one.</summary>
    private async Task<string> InVaultAsync(string name, Func<string> make, CancellationToken ct)
    {
        if ((await vault.FindAsync(name, ct)).Count == 0) await vault.AddAsync(name, make(), ct);
        return (await vault.FindAsync(name, ct))[^1].Value;
    }

    private static string NewPassword() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(15));
}
