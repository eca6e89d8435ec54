using System.Runtime.InteropServices;

namespace Fleet.Manager;

/// <summary>OpenLDAP's library, which .NET calls on Linux: that it is there, and what .NET has no setting for.</summary>
/// <remarks>.NET's own time limit holds for searches only: a bind waits for ever. The library has limits for all, which new connections take over.</remarks>
internal static class LibLdap
{
    private const int Restart = 0x0009;
    private const int On = 1;
    private const int Timeout = 0x5002;
    private const int NetworkTimeout = 0x5005;
    private const int KeepAliveIdle = 0x6300;
    private const int KeepAliveProbes = 0x6301;
    private const int KeepAliveInterval = 0x6302;
    private const int RequireCertificate = 0x6006;
    private const int NewTlsContext = 0x600f;
    private const int Demand = 2;

    /// <summary>In .NET's order, so that it is the same one.</summary>
    private static readonly string[] s_names = ["libldap.so.2", "libldap-2.6.so.0", "libldap-2.5.so.0", "libldap-2.4.so.2"];
    private static readonly Lazy<bool> s_ready = new(Load);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int SetOption(nint connection, int option, nint value);

    /// <exception cref="LdapUnavailableException">It is not installed.</exception>
    public static void Prepare()
    {
        if (OperatingSystem.IsLinux() && !s_ready.Value) throw new LdapUnavailableException("The library libldap is missing: install libldap2 or libldap-2.5-0 (Debian, Ubuntu), openldap (Fedora), libldap (Alpine).");
    }

    private static bool Load()
    {
        nint library = 0;
        if (!s_names.Any(name => NativeLibrary.TryLoad(name, out library))) return false;
        var set = Marshal.GetDelegateForFunctionPointer<SetOption>(NativeLibrary.GetExport(library, "ldap_set_option"));
        var value = Marshal.AllocHGlobal(2 * nint.Size);
        try
        {
            // struct timeval: seconds, microseconds.
            Marshal.WriteIntPtr(value, 10);
            Marshal.WriteIntPtr(value, nint.Size, 0);
            Check(set(0, Timeout, value));
            Check(set(0, NetworkTimeout, value));

            // A handshake has no limit but this one: a server that vanished is given up after 25 seconds.
            foreach (var (option, number) in new[] { (KeepAliveIdle, 10), (KeepAliveProbes, 3), (KeepAliveInterval, 5) })
            {
                Marshal.WriteInt32(value, number);
                Check(set(0, option, value));
            }

            // A signal is no failure: .NET itself sends threads some, and without this each may end a wait for the directory.
            Check(set(0, Restart, On));

            // Even if an ldap.conf or LDAPTLS_REQCERT says 'never'.
            Marshal.WriteInt32(value, Demand);
            Check(set(0, RequireCertificate, value));

            // Wakes the library's TLS now: the first two connections at once would both do it, and one of them fail.
            Marshal.WriteInt32(value, 0);
            Check(set(0, NewTlsContext, value));
        }
        finally
        {
            Marshal.FreeHGlobal(value);
        }

        return true;
    }

    private static void Check(int result)
    {
        if (result != 0) throw new InvalidOperationException($"libldap refused an option ({result}).");
    }
}
