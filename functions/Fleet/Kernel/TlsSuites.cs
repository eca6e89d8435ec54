using System.Net.Security;
using System.Runtime.InteropServices;
using System.Text;

namespace Fleet.Kernel;

/// <summary>Which cipher suites TLS is spoken with: as a server only those with authenticated encryption and forward secrecy.</summary>
internal static unsafe partial class TlsSuites
{
    private const string Library = "libcrypto.so.3";

    /// <summary>OPENSSL_INIT_LOAD_CONFIG and OPENSSL_INIT_NO_ATEXIT: as .NET does, which would be too late to say so.</summary>
    private const ulong Initialization = 0x40 | 0x80000;

    /// <summary>TLS 1.3's suites are all good, and not named here: OpenSSL has a list of its own for them.</summary>
    private const string Configuration = """
        fleet = fleet_modules
        [fleet_modules]
        ssl_conf = fleet_tls
        [fleet_tls]
        system_default = fleet_suites
        [fleet_suites]
        MinProtocol = TLSv1.2
        CipherString = ECDHE+AESGCM:ECDHE+CHACHA20
        """;

    private static readonly TlsCipherSuite[] s_strong =
    [
        TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];

    /// <summary>What older servers of others may still need: mail relays, collectors of logs.</summary>
    private static readonly TlsCipherSuite[] s_older =
    [
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    ];

    private static bool s_isDefault;

    /// <summary>For a server; null where the default is as good.</summary>
    /// <param name="hasClientCertificates">Then no session is resumed: it would know the client's certificate without those between it and its authority.</param>
    public static CipherSuitesPolicy? Incoming(bool hasClientCertificates) =>
        OperatingSystem.IsWindows() || (s_isDefault && !hasClientCertificates) ? null : new(s_strong);

    /// <summary>For a client of others' servers: .NET's own list, whatever the default has become.</summary>
    public static CipherSuitesPolicy? Outgoing => s_isDefault && !OperatingSystem.IsWindows() ? new([.. s_strong, .. s_older]) : null;

    /// <summary>Makes the server's suites the default of this process's OpenSSL. With a policy .NET makes a context for each connection, which takes as long as the rest of the handshake, holds
    /// 60 kB, and lets no client resume a session. Call it before anything speaks TLS: .NET looks once whether there is such a default.</summary>
    /// <remarks>The default is of all that speaks TLS in the process: the Azure SDK's clients, and LDAP where its library uses OpenSSL, ask for these suites too.</remarks>
    /// <returns>Whether it did; otherwise servers have a policy: where .NET is told to use another OpenSSL, or the system's configuration says itself how TLS is spoken.</returns>
    public static bool TryMakeDefault()
    {
        if (s_isDefault || !OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("CLR_OPENSSL_VERSION_OVERRIDE") is { Length: > 0 }) return s_isDefault;
        try
        {
            return s_isDefault = Load(Encoding.ASCII.GetBytes(Configuration));
        }
        catch (Exception fault) when (fault is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>After the system's own configuration, which may name providers, as for FIPS. What that says of TLS would be lost, so then it is left alone.</summary>
    private static bool Load(byte[] text)
    {
        if (Initialize(Initialization, 0) != 1 || HasSystemDefault()) return false;
        var configuration = NewConfiguration(0);
        fixed (byte* start = text)
        {
            var bio = NewBio(start, text.Length);
            try
            {
                return LoadBio(configuration, bio, out _) > 0 && LoadModules(configuration, "fleet", 0) > 0;
            }
            finally
            {
                _ = FreeBio(bio);
                FreeConfiguration(configuration);
            }
        }
    }

    private static bool HasSystemDefault()
    {
        // The few bytes are never freed: it is called once.
        var path = Marshal.PtrToStringUTF8(DefaultFile());
        return path is not null && File.Exists(path) && File.ReadLines(path).Any(line => line.TrimStart().StartsWith("ssl_conf", StringComparison.Ordinal));
    }

    [LibraryImport(Library, EntryPoint = "CONF_get1_default_config_file")]
    private static partial nint DefaultFile();

    [LibraryImport(Library, EntryPoint = "OPENSSL_init_crypto")]
    private static partial int Initialize(ulong options, nint settings);

    [LibraryImport(Library, EntryPoint = "NCONF_new")]
    private static partial nint NewConfiguration(nint method);

    [LibraryImport(Library, EntryPoint = "NCONF_free")]
    private static partial void FreeConfiguration(nint configuration);

    [LibraryImport(Library, EntryPoint = "BIO_new_mem_buf")]
    private static partial nint NewBio(byte* text, int length);

    [LibraryImport(Library, EntryPoint = "BIO_free")]
    private static partial int FreeBio(nint bio);

    [LibraryImport(Library, EntryPoint = "NCONF_load_bio")]
    private static partial int LoadBio(nint configuration, nint bio, out nint line);

    [LibraryImport(Library, EntryPoint = "CONF_modules_load", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LoadModules(nint configuration, string section, uint flags);
}
