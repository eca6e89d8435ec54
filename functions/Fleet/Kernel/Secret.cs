using System.Security.Cryptography;
using System.Text;

namespace Fleet.Kernel;

/// <summary>Comparing what nobody may find out by trying.</summary>
internal static class Secret
{
    /// <summary>Whether two texts are the same, in a time that does not tell where they differ.</summary>
    public static bool Equal(string a, string b) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(a), Encoding.UTF8.GetBytes(b));
}
