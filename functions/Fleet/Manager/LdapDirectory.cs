using System.DirectoryServices.Protocols;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fleet.Manager;

/// <summary>Sign-in by an LDAP directory: search the person, then bind as them with the password.</summary>
/// <remarks>.NET's client blocks a thread while it waits, so at most <see cref="AtOnce"/> sign-ins run at a time.</remarks>
internal sealed class LdapDirectory
{
    private const int AtOnce = 8;
    private const int InvalidCredentials = 49;
    private const int ServerDown = 81;

    /// <summary>What libldap says when StartTLS fails.</summary>
    private const int ConnectError = 91;

    private static readonly string[] s_attributes = ["uid", "sAMAccountName", "displayName", "cn", "mail", "memberOf"];

    /// <summary>What servers answer to a bind of a person who may not sign in: wrong, locked, expired, without a password.</summary>
    private static readonly int[] s_refusals = [InvalidCredentials, (int)ResultCode.ConstraintViolation, (int)ResultCode.InappropriateAuthentication, (int)ResultCode.UnwillingToPerform];

    private readonly LdapSettings _settings;
    private readonly SemaphoreSlim _places = new(AtOnce);

    /// <exception cref="ArgumentException">The settings have faults.</exception>
    public LdapDirectory(LdapSettings settings)
    {
        if (settings.Faults().ToList() is { Count: > 0 } faults) throw new ArgumentException(string.Join(' ', faults), nameof(settings));
        _settings = settings;
    }

    private string Host => _settings.Url.Host;

    private int Port => _settings.Url.Port > 0 ? _settings.Url.Port : _settings.Url.Scheme == "ldaps" ? 636 : 389;

    private bool IsSecure => _settings.Url.Scheme == "ldaps" || _settings.StartTls;

    /// <summary>Null if nobody, or more than one, has this name, or the password is wrong.</summary>
    /// <exception cref="LdapUnavailableException">The directory cannot be reached, is not trusted, does not answer in time, or refuses the account that searches.</exception>
    public async Task<LdapPerson?> SignInAsync(string name, string password, CancellationToken ct)
    {
        // A bind without a password succeeds for everybody (RFC 4513, 5.1.2), and libldap ends a password at a NUL.
        if (name.Length == 0 || password.Length == 0 || password.Contains('\0', StringComparison.Ordinal)) return null;
        var until = DateTime.UtcNow + _settings.Timeout;
        if (!await _places.WaitAsync(_settings.Timeout, ct)) throw new LdapUnavailableException($"The directory {_settings.Url} is too slow: {AtOnce} sign-ins wait for it.");
        var work = Task.Run(
            () =>
            {
                try
                {
                    return SignIn(name, password);
                }
                finally
                {
                    _places.Release();
                }
            },
            CancellationToken.None);
        try
        {
            var left = until - DateTime.UtcNow;
            return await work.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, ct);
        }
        catch (TimeoutException e)
        {
            _ = work.ContinueWith(late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw new LdapUnavailableException($"The directory {_settings.Url} did not answer within {_settings.Timeout.TotalSeconds} s.", e);
        }
        catch (LdapException e) when (e.ErrorCode is ServerDown or ConnectError)
        {
            throw new LdapUnavailableException(await ReasonAsync(ct), e);
        }
        catch (TlsOperationException e) when (e.Response is { ResultCode: not ResultCode.Success } refusal)
        {
            throw new LdapUnavailableException($"The directory {_settings.Url} refuses to start TLS ({refusal.ResultCode}): it may have no certificate.", e);
        }
        catch (TlsOperationException e)
        {
            throw new LdapUnavailableException($"The directory {_settings.Url} did not start TLS: {Untrusted} ({e.Message})", e);
        }
        catch (Exception e) when (e is DirectoryException or IOException or UnauthorizedAccessException)
        {
            throw new LdapUnavailableException($"The directory {_settings.Url} answered with a fault: {e.Message}", e);
        }
    }

    /// <summary>A filter whose placeholders hold these values, escaped (RFC 4515, 3).</summary>
    internal static string Filter(string template, params string[] values)
    {
        // In one pass, so that a value that holds a placeholder stays as it is.
        var filter = new StringBuilder();
        for (var i = 0; i < template.Length; i++)
        {
            if (template[i] == '{' && i + 2 < template.Length && template[i + 2] == '}' && template[i + 1] - '0' is >= 0 and var which && which < values.Length)
            {
                AppendEscaped(filter, values[which]);
                i += 2;
            }
            else
            {
                filter.Append(template[i]);
            }
        }

        return filter.ToString();
    }

    private static void AppendEscaped(StringBuilder filter, string value)
    {
        foreach (var c in value)
        {
            _ = c switch
            {
                '*' => filter.Append(@"\2a"),
                '(' => filter.Append(@"\28"),
                ')' => filter.Append(@"\29"),
                '\\' => filter.Append(@"\5c"),
                '\0' => filter.Append(@"\00"),
                _ => filter.Append(c),
            };
        }
    }

    private LdapPerson? SignIn(string name, string password)
    {
        LibLdap.Prepare();
        using var trust = IsSecure && !OperatingSystem.IsWindows() && _settings.Authorities is { } authorities ? TrustFolder.Create(authorities) : null;
        using var searching = Connect(trust);
        BindToSearch(searching);
        var found = FindOne(searching, name);

        // Who does not exist takes as long as who does: the same calls are made.
        using (var own = Connect(trust))
        {
            if (!TryBind(own, found?.DistinguishedName ?? $"uid={Guid.NewGuid():N},{_settings.BaseDn}", password) || found is null) return null;
        }

        var id = First(found, "uid") ?? First(found, "sAMAccountName") ?? name;
        var groups = All(found, "memberOf").Concat(GroupsOf(searching, found.DistinguishedName, id)).DistinctBy(LdapPerson.Folded).ToList();
        return new(found.DistinguishedName, id, First(found, "displayName") ?? First(found, "cn") ?? id, First(found, "mail"), groups);
    }

    private LdapConnection Connect(TrustFolder? trust)
    {
        var connection = new LdapConnection(new LdapDirectoryIdentifier(Host, Port)) { AutoBind = false, Timeout = _settings.Timeout };
        try
        {
            var options = connection.SessionOptions;
            options.ProtocolVersion = 3;
            options.ReferralChasing = ReferralChasingOptions.None;
            if (!IsSecure) return connection;
            if (!OperatingSystem.IsWindows())
            {
                options.TrustedCertificatesDirectory = trust?.Path ?? SystemAuthorities;
                options.StartNewTlsSessionContext();
            }

            if (_settings.StartTls) StartTls(connection);
            else options.SecureSocketLayer = true;
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <remarks>On Linux .NET forgets to tell libldap the address until the first request (dotnet/runtime#56619), so there is one that it refuses to send: a comparison with nothing. One that is sent would not do: OpenLDAP answers a moment before it has ended the work, and starts no TLS meanwhile.</remarks>
    private static void StartTls(LdapConnection connection)
    {
        try
        {
            connection.SendRequest(new CompareRequest());
        }
        catch (ArgumentException)
        {
        }

        connection.SessionOptions.StartTransportLayerSecurity(null);
    }

    private static string SystemAuthorities => Environment.GetEnvironmentVariable("SSL_CERT_DIR") ?? "/etc/ssl/certs";

    private void BindToSearch(LdapConnection connection)
    {
        if (_settings is not { BindDn: { } dn, BindPassword: { } password })
        {
            connection.AuthType = AuthType.Anonymous;
            connection.Bind();
        }
        else if (!TryBind(connection, dn, password))
        {
            throw new LdapUnavailableException($"The directory {_settings.Url} refuses the account that searches, {dn}.");
        }
    }

    private static bool TryBind(LdapConnection connection, string dn, string password)
    {
        connection.AuthType = AuthType.Basic;
        try
        {
            connection.Bind(new NetworkCredential(dn, password));
            return true;
        }
        catch (LdapException e) when (s_refusals.Contains(e.ErrorCode))
        {
            return false;
        }
        catch (DirectoryOperationException e) when (e.Response is { } response && s_refusals.Contains((int)response.ResultCode))
        {
            return false;
        }
    }

    /// <summary>Null if there are none or several.</summary>
    private SearchResultEntry? FindOne(LdapConnection connection, string name)
    {
        var request = new SearchRequest(_settings.BaseDn, Filter(_settings.UserFilter, name), SearchScope.Subtree, s_attributes) { SizeLimit = 2 };
        try
        {
            var response = (SearchResponse)connection.SendRequest(request);
            return response.Entries.Count == 1 ? response.Entries[0] : null;
        }
        catch (DirectoryOperationException e) when (e.Response?.ResultCode is ResultCode.SizeLimitExceeded)
        {
            return null;
        }
    }

    private IEnumerable<string> GroupsOf(LdapConnection connection, string dn, string id)
    {
        if (_settings.GroupBaseDn is not { } below) return [];
        var response = (SearchResponse)connection.SendRequest(new SearchRequest(below, Filter(_settings.GroupFilter, dn, id), SearchScope.Subtree, "1.1"));
        return response.Entries.Cast<SearchResultEntry>().Select(group => group.DistinguishedName);
    }

    private static string? First(SearchResultEntry entry, string attribute) => All(entry, attribute).FirstOrDefault();

    private static IEnumerable<string> All(SearchResultEntry entry, string attribute) =>
        entry.Attributes[attribute] is { } values ? values.GetValues(typeof(string)).Cast<string>() : [];

    private const string Untrusted = "its certificate is not trusted, has expired, or is for another name than the address's (libldap takes 'localhost' for the machine's own name)";

    /// <summary>libldap says "unavailable" whatever is wrong, so we look whether somebody listens.</summary>
    private async Task<string> ReasonAsync(CancellationToken ct)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(ct);
        bound.CancelAfter(_settings.Timeout);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(Host, Port, bound.Token);
            return IsSecure ? $"The directory {_settings.Url} is there, but TLS failed: {Untrusted}." : $"The directory {_settings.Url} closed the connection.";
        }
        catch (SocketException e)
        {
            return $"The directory {_settings.Url} cannot be reached: {e.Message}";
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return $"The directory {_settings.Url} cannot be reached.";
        }
    }
}
