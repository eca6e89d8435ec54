using System.Diagnostics;
using System.DirectoryServices.Protocols;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fleet.Shared;

/// <summary>OpenLDAP's server as a process of its own, with some people and groups below dc=example,dc=org.</summary>
internal sealed class Slapd : IAsyncDisposable
{
    public const string BaseDn = "dc=example,dc=org";
    public const string GroupBaseDn = "ou=groups," + BaseDn;
    public const string ServiceDn = "cn=fleet,ou=services," + BaseDn;
    public const string ServicePassword = "searches only";

    public const string Program = "/usr/sbin/slapd";
    private const string RootDn = "cn=root," + BaseDn;
    private const string RootPassword = "root of tests";

    private readonly Scratch _scratch = new();
    private readonly TestAuthority _authority = new("Fleet  Tests' Directory");
    private readonly int _plainPort = Ports.Free();
    private readonly int _securePort = Ports.Free();
    private Process? _process;

    private Slapd()
    {
    }

    /// <summary>Whose certificate the server shows, in PEM.</summary>
    public string Authority => _authority.Pem;

    /// <summary><c>ldap://</c>, with StartTLS for who wants it.</summary>
    public Uri Plain => new($"ldap://127.0.0.1:{_plainPort}");

    /// <summary><c>ldaps://</c>.</summary>
    public Uri Secure => new($"ldaps://127.0.0.1:{_securePort}");

    /// <summary>An address of the secure port by a name that its certificate does not have.</summary>
    public Uri SecureByOtherName => new($"ldaps://127.0.0.2:{_securePort}");

    public static async Task<Slapd> StartAsync()
    {
        if (!File.Exists(Program)) throw new InvalidOperationException($"{Program} is missing: apt-get install --no-install-recommends slapd.");
        var slapd = new Slapd();
        try
        {
            await slapd.RunAsync();
            slapd.Fill();
            return slapd;
        }
        catch
        {
            await slapd.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited) _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        _authority.Dispose();
        _scratch.Dispose();
    }

    private async Task RunAsync()
    {
        WriteCertificate();
        Directory.CreateDirectory(_scratch.File("data"));
        await File.WriteAllTextAsync(_scratch.File("slapd.conf"), $"""
            modulepath /usr/lib/ldap
            moduleload back_mdb
            moduleload memberof
            include /etc/ldap/schema/core.schema
            include /etc/ldap/schema/cosine.schema
            include /etc/ldap/schema/inetorgperson.schema
            pidfile {_scratch.File("pid")}
            TLSCACertificateFile {_scratch.File("ca.pem")}
            TLSCertificateFile {_scratch.File("server.pem")}
            TLSCertificateKeyFile {_scratch.File("server.key")}
            database mdb
            maxsize 16777216
            dbnosync
            directory {_scratch.File("data")}
            suffix "{BaseDn}"
            rootdn "{RootDn}"
            rootpw "{RootPassword}"
            overlay memberof
            access to attrs=userPassword by anonymous auth by * none
            access to * by dn.exact="{ServiceDn}" read by * none

            """);

        // Not on 127.0.0.1 alone: 127.0.0.2 is a name that the certificate does not have.
        _process = Process.Start(new ProcessStartInfo(
            Program, ["-d", "0", "-f", _scratch.File("slapd.conf"), "-h", $"ldap://127.0.0.1:{_plainPort} ldaps://127.0.0.1:{_securePort} ldaps://127.0.0.2:{_securePort}"])
        {
            RedirectStandardError = true,
        })!;
        var process = _process;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop(process);
        var complaint = process.StandardError.ReadToEndAsync();
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await AnswersAsync(_plainPort) || !await AnswersAsync(_securePort))
        {
            if (process.HasExited) throw new InvalidOperationException($"slapd ended with {process.ExitCode}: {await complaint}");
            if (DateTime.UtcNow > until) throw new InvalidOperationException("slapd did not listen within 30 s.");
            await Task.Delay(10);
        }
    }

    private static void Stop(Process process)
    {
        try
        {
            process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended, or was disposed of.
        }
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void WriteCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(TestAuthority.ForServers)], critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_authority.Root, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        using var issued = request.Create(_authority.Root, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30), [1]);
        File.WriteAllText(_scratch.File("ca.pem"), _authority.Pem);
        File.WriteAllText(_scratch.File("server.pem"), issued.ExportCertificatePem());
        File.WriteAllText(_scratch.File("server.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private void Fill()
    {
        using var connection = new LdapConnection(new LdapDirectoryIdentifier("127.0.0.1", _plainPort), new NetworkCredential(RootDn, RootPassword), AuthType.Basic);
        connection.SessionOptions.ProtocolVersion = 3;
        connection.Bind();
        void Add(string dn, params (string Name, string Value)[] attributes) => connection.SendRequest(new AddRequest(
            dn, [.. attributes.GroupBy(a => a.Name, a => a.Value).Select(a => new DirectoryAttribute(a.Key, [.. a]))]));
        void Person(string uid, string name, string mail, string password) => Add(
            PersonDn(uid), ("objectClass", "inetOrgPerson"), ("uid", uid), ("cn", name), ("sn", name), ("displayName", name), ("mail", mail), ("userPassword", password));
        void Group(string name, params string[] members) => Add(
            GroupDn(name), [("objectClass", "groupOfNames"), ("cn", name), .. members.Select(member => ("member", PersonDn(member)))]);

        Add(BaseDn, ("objectClass", "dcObject"), ("objectClass", "organization"), ("dc", "example"), ("o", "Example"));
        foreach (var unit in new[] { "people", "groups", "services" }) Add($"ou={unit},{BaseDn}", ("objectClass", "organizationalUnit"), ("ou", unit));
        Add(ServiceDn, ("objectClass", "applicationProcess"), ("objectClass", "simpleSecurityObject"), ("cn", "fleet"), ("userPassword", ServicePassword));
        Person("ada", "Ada Lovelace", "ada@example.org", "correct horse");
        Person("grace", "Grace Hopper", "grace@example.org", "battery staple");
        Person("linus", "Linus", "twins@example.org", "just for fun");
        Person("zoë", "Zoë (Müller), Ops", "zoe@example.org", "pässwörd ☃");
        Person("linus2", "Linus II", "twins@example.org", "just for fun");
        Group("fleet-admins", "ada");
        Group("fleet-operators", "ada", "grace");
        Group("fleet-viewers", "linus", "zoë");
    }

    public static string PersonDn(string uid) => $"uid={uid},ou=people,{BaseDn}";

    public static string GroupDn(string name) => $"cn={name},{GroupBaseDn}";
}
