using Fleet.Manager;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fleet.Shared;

namespace Fleet.Tests.Manager;

public sealed class LdapTests(LdapTests.Fixture fixture) : IClassFixture<LdapTests.Fixture>
{
    private Slapd Slapd => fixture.Slapd;

    private LdapSettings Settings => new(Slapd.Secure, Slapd.BaseDn) { Authorities = Slapd.Authority, BindDn = Slapd.ServiceDn, BindPassword = Slapd.ServicePassword };

    [NeedsFact(Slapd.Program)]
    public async Task A_good_password_signs_in_with_the_groups()
    {
        var person = await SignInAsync(Settings, "ada", "correct horse");

        Assert.NotNull(person);
        Assert.Equal((Slapd.PersonDn("ada"), "ada", "Ada Lovelace", "ada@example.org"), (person.Dn, person.Name, person.DisplayName, person.Mail));
        Assert.Equal([Slapd.GroupDn("fleet-admins"), Slapd.GroupDn("fleet-operators")], person.Groups.Order());
        Assert.True(person.IsIn("CN=Fleet-Admins, OU=groups, DC=example, DC=org"));
        Assert.False(person.IsIn(Slapd.GroupDn("fleet-viewers")));
    }

    [NeedsFact(Slapd.Program)]
    public async Task Groups_found_by_a_search_are_not_counted_twice()
    {
        var person = await SignInAsync(Settings with { GroupBaseDn = Slapd.GroupBaseDn }, "ada", "correct horse");

        Assert.Equal(2, person!.Groups.Count);
    }

    [NeedsFact(Slapd.Program)]
    public async Task A_mail_address_signs_in_as_the_person_it_belongs_to() =>
        Assert.Equal("grace", (await SignInAsync(Settings, "GRACE@example.org", "battery staple"))?.Name);

    [NeedsFact(Slapd.Program)]
    public async Task Names_and_passwords_may_hold_any_letters()
    {
        var person = await SignInAsync(Settings with { GroupBaseDn = Slapd.GroupBaseDn }, "zoë", "pässwörd ☃");

        Assert.Equal(("zoë", "Zoë (Müller), Ops"), (person?.Name, person?.DisplayName));
        Assert.True(person!.IsIn(Slapd.GroupDn("fleet-viewers")));
    }

    [NeedsTheory(Slapd.Program)]
    [InlineData("ada", "wrong")]
    [InlineData("ada", "correct hors")]
    [InlineData("ada", "")]
    [InlineData("ada", "\0")]
    [InlineData("ada", "correct horse\0")]
    [InlineData("", "correct horse")]
    [InlineData("nobody", "correct horse")]
    [InlineData("zoë", "pässwörd")]
    [InlineData("*)(uid=*", "correct horse")]
    [InlineData("ad*", "correct horse")]
    [InlineData("a\\64a", "correct horse")]
    public async Task A_wrong_name_or_password_does_not_sign_in(string name, string password) => Assert.Null(await SignInAsync(Settings, name, password));

    [NeedsFact(Slapd.Program)]
    public async Task Nobody_signs_in_by_a_name_that_two_people_have()
    {
        Assert.Null(await SignInAsync(Settings, "twins@example.org", "just for fun"));
        Assert.NotNull(await SignInAsync(Settings, "linus", "just for fun"));
    }

    [NeedsFact(Slapd.Program)]
    public async Task An_unknown_name_takes_the_same_calls_as_a_wrong_password()
    {
        // As the directory hears it: two connections each, with as many messages.
        var messages = new List<(int, int)>();
        foreach (var name in new[] { "ada", "nobody" })
        {
            using var wire = new Wire(Slapd.Plain.Port);
            Assert.Null(await SignInAsync(Settings with { Url = new Uri($"ldap://127.0.0.1:{wire.Port}") }, name, "wrong"));
            messages.Add((wire.Connections, wire.Binds));
        }

        Assert.Equal((2, 2), messages[0]);
        Assert.Equal(messages[0], messages[1]);
    }

    [Theory]
    [InlineData("(uid={0})", "*)(uid=*", @"(uid=\2a\29\28uid=\2a)")]
    [InlineData("(uid={0})", "a\\b\0", @"(uid=a\5cb\00)")]
    [InlineData("(|(a={0})(b={1}))", "{1}", "(|(a={1})(b=x))")]
    [InlineData("(a={2}{)", "y", "(a={2}{)")]
    public void A_filter_holds_its_values_escaped(string template, string value, string expected) => Assert.Equal(expected, LdapDirectory.Filter(template, value, "x"));

    [NeedsFact(Slapd.Program)]
    public async Task StartTls_signs_in() =>
        Assert.NotNull(await SignInAsync(Settings with { Url = Slapd.Plain, StartTls = true }, "ada", "correct horse"));

    [NeedsTheory(Slapd.Program)]
    [InlineData("ldap", false, true)]
    [InlineData("ldap", true, false)]
    [InlineData("ldaps", false, false)]
    public async Task Passwords_go_through_TLS_only(string scheme, bool startTls, bool isSeen)
    {
        using var wire = new Wire((scheme == "ldap" ? Slapd.Plain : Slapd.Secure).Port);

        Assert.NotNull(await SignInAsync(Settings with { Url = new($"{scheme}://127.0.0.1:{wire.Port}"), StartTls = startTls }, "ada", "correct horse"));
        Assert.Equal((isSeen, isSeen), (wire.Saw("correct horse"), wire.Saw(Slapd.ServicePassword)));
    }

    /// <summary>OpenLDAP starts no TLS while it ends the work of a request before, and that takes as long as the machine is busy.</summary>
    [NeedsFact(Slapd.Program)]
    public async Task Nothing_is_said_before_StartTLS()
    {
        using var wire = new Wire(Slapd.Plain.Port);

        Assert.NotNull(await SignInAsync(Settings with { Url = new($"ldap://127.0.0.1:{wire.Port}"), StartTls = true }, "ada", "correct horse"));
        Assert.Equal("1.3.6.1.4.1.1466.20037", wire.FirstExtension);
    }

    [NeedsFact(Slapd.Program)]
    public async Task Loopback_needs_no_TLS() => Assert.NotNull(await SignInAsync(Settings with { Url = Slapd.Plain }, "ada", "correct horse"));

    [Theory]
    [InlineData("ldap://directory.example.org", false, "in the clear")]
    [InlineData("https://directory.example.org", false, "no ldap://")]
    [InlineData("ldaps://directory.example.org", true, "leave StartTls out")]
    public void Settings_that_would_show_passwords_are_refused(string url, bool startTls, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<ArgumentException>(() => new LdapDirectory(Settings with { Url = new(url), StartTls = startTls })).Message, StringComparison.Ordinal);

    [NeedsFact(Slapd.Program)]
    public async Task Authorities_may_be_a_file()
    {
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch.File("ca.pem"), Slapd.Authority);

        Assert.NotNull(await SignInAsync(Settings with { Authorities = scratch.File("ca.pem") }, "ada", "correct horse"));
        await RefusedAsync(Settings with { Authorities = scratch.File("absent.pem") }, "cannot be read");
    }

    [NeedsFact(Slapd.Program)]
    public async Task Many_who_sign_in_at_once_over_StartTLS_all_get_in() =>
        await Parallel.ForAsync(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) => Assert.NotNull(await SignInAsync(Settings with { Url = Slapd.Plain, StartTls = true, Authorities = Slapd.Authority }, "ada", "correct horse")));

    [NeedsTheory(Slapd.Program)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_authority_that_is_not_trusted_is_refused(bool startTls)
    {
        using var other = new TestAuthority("Fleet  Tests' Directory");
        var settings = Settings with { Url = startTls ? Slapd.Plain : Slapd.Secure, StartTls = startTls };

        await RefusedAsync(settings with { Authorities = other.Pem }, "certificate is not trusted");
        await RefusedAsync(settings with { Authorities = null }, "certificate is not trusted");

        // One of two is enough, though they have one name.
        Assert.NotNull(await SignInAsync(settings with { Authorities = other.Pem + "\n" + Slapd.Authority }, "ada", "correct horse"));
    }

    [NeedsFact(Slapd.Program)]
    public Task A_certificate_for_another_name_is_refused() => RefusedAsync(Settings with { Url = Slapd.SecureByOtherName }, "for another name");

    [NeedsFact(Slapd.Program)]
    public Task A_wrong_password_of_the_account_that_searches_is_told_apart() => RefusedAsync(Settings with { BindPassword = "wrong" }, "refuses the account that searches");

    [NeedsTheory(Slapd.Program)]
    [InlineData("ldap", false)]
    [InlineData("ldap", true)]
    [InlineData("ldaps", false)]
    public Task A_directory_that_is_down_is_a_clear_fault(string scheme, bool startTls) =>
        RefusedAsync(Settings with { Url = new($"{scheme}://127.0.0.1:{Ports.Free()}"), StartTls = startTls }, "cannot be reached");

    [NeedsTheory(Slapd.Program)]
    [InlineData("ldap", false)]
    [InlineData("ldap", true)]
    [InlineData("ldaps", false)]
    public async Task A_directory_that_never_answers_is_given_up(string scheme, bool startTls)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var url = new Uri($"{scheme}://{silent.LocalEndpoint}");

        await RefusedAsync(Settings with { Url = url, StartTls = startTls, Timeout = TimeSpan.FromSeconds(1) }, "did not answer within 1 s");
    }

    [NeedsFact(Slapd.Program)]
    public async Task A_directory_that_starts_no_TLS_is_told_apart()
    {
        using var bare = new TcpListener(IPAddress.Loopback, 0);
        bare.Start();
        var signIn = RefusedAsync(Settings with { Url = new($"ldap://{bare.LocalEndpoint}"), StartTls = true }, "refuses to start TLS (ProtocolError)");
        using var client = await bare.AcceptTcpClientAsync();
        await client.GetStream().ReadAtLeastAsync(new byte[31], 31);

        // In BER: the message 1, an extended response, protocolError, of no name, without a text.
        await client.GetStream().WriteAsync(new byte[] { 0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00 });
        await signIn;
    }

    [NeedsTheory(Slapd.Program)]
    [InlineData("CN=Fleet")]
    [InlineData("CN=\"  Ürsula   &  Sons' CA \", O=\"ACME, Inc.\", C=DE, E=ca@example.org")]
    public async Task An_authority_is_named_as_OpenSSL_names_it(string subject)
    {
        using var scratch = new Scratch();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(scratch.File("ca.pem"), certificate.ExportCertificatePem());
        using var openssl = Process.Start(new ProcessStartInfo("openssl", ["x509", "-noout", "-hash", "-in", scratch.File("ca.pem")]) { RedirectStandardOutput = true })!;

        Assert.Equal((await openssl.StandardOutput.ReadToEndAsync()).Trim(), TrustFolder.HashOf(certificate));
    }

    private static Task<LdapPerson?> SignInAsync(LdapSettings settings, string name, string password) => new LdapDirectory(settings).SignInAsync(name, password, CancellationToken.None);

    private static async Task RefusedAsync(LdapSettings settings, string complaint)
    {
        var fault = await Assert.ThrowsAsync<LdapUnavailableException>(() => SignInAsync(settings, "ada", "correct horse"));
        Assert.Contains(complaint, fault.Message, StringComparison.Ordinal);
    }

    /// <summary>Passes bytes on, and keeps what the client says.</summary>
    private sealed class Wire : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly MemoryStream _said = new();
        private int _connections;

        public Wire(int to)
        {
            _listener.Start();
            _ = ServeAsync(to);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public bool Saw(string text)
        {
            lock (_said) return _said.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
        }

        public int Connections => _connections;

        /// <summary>Requests to bind: BER's tag of an LDAP message, then version 3.</summary>
        public int Binds
        {
            get
            {
                lock (_said) return Count(_said.ToArray(), [0x02, 0x01, 0x03, 0x04]);
            }
        }

        /// <summary>The name of the request that was said first, if it is an extended one: in BER a message of a number (1 byte here), a request, a name.</summary>
        public string? FirstExtension
        {
            get
            {
                lock (_said) return _said.ToArray() is [0x30, _, 0x02, 0x01, _, 0x77, _, 0x80, var length, .. var rest] ? Encoding.ASCII.GetString(rest, 0, length) : null;
            }
        }

        private static int Count(ReadOnlySpan<byte> said, ReadOnlySpan<byte> what)
        {
            var count = 0;
            for (int at; (at = said.IndexOf(what)) >= 0; count++) said = said[(at + what.Length)..];
            return count;
        }

        public void Dispose() => _listener.Dispose();

        private async Task ServeAsync(int to)
        {
            while (true)
            {
                var near = (await _listener.AcceptTcpClientAsync()).GetStream();
                Interlocked.Increment(ref _connections);
                var far = new TcpClient();
                await far.ConnectAsync(IPAddress.Loopback, to);
                _ = far.GetStream().CopyToAsync(near);
                _ = ListenAsync(near, far);
            }
        }

        private async Task ListenAsync(NetworkStream near, TcpClient far)
        {
            var buffer = new byte[4096];
            using (near)
            using (far)
            {
                while (await near.ReadAsync(buffer) is > 0 and var count)
                {
                    lock (_said) _said.Write(buffer, 0, count);
                    await far.GetStream().WriteAsync(buffer.AsMemory(0, count));
                }
            }
        }
    }

    /// <summary>One server for all tests, which only read.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal Slapd Slapd { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            if (Programs.ReasonToSkip(Slapd.Program) is null) Slapd = await Slapd.StartAsync();
        }

        public async Task DisposeAsync()
        {
            if (Slapd is not null) await Slapd.DisposeAsync();
        }
    }
}
