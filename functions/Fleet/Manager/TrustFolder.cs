using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fleet.Manager;

/// <summary>Authorities as libldap reads them: a folder with a file for each, named by the hash of its subject as <c>openssl rehash</c> does.</summary>
/// <remarks>A libldap of Debian or Ubuntu (GnuTLS) takes any name; those of Fedora or Alpine (OpenSSL) need the hash.</remarks>
internal sealed class TrustFolder : IDisposable
{
    private TrustFolder(string path) => Path = path;

    public string Path { get; }

    /// <param name="authorities">PEM text, or the path of a PEM file.</param>
    /// <exception cref="LdapUnavailableException">There is no such file, or no certificate in it.</exception>
    public static TrustFolder Create(string authorities)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(authorities.Contains("-----BEGIN", StringComparison.Ordinal) ? authorities : File.ReadAllText(authorities));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new LdapUnavailableException($"The directory's authorities cannot be read: {e.Message}", e);
        }

        if (certificates.Count == 0) throw new LdapUnavailableException("The directory's authorities hold no certificate.");
        var folder = new TrustFolder(Directory.CreateTempSubdirectory("fleet-ldap-").FullName);
        foreach (var same in certificates.GroupBy(HashOf))
        {
            var number = 0;
            foreach (var certificate in same) File.WriteAllText(System.IO.Path.Combine(folder.Path, $"{same.Key}.{number++}"), certificate.ExportCertificatePem());
        }

        foreach (var certificate in certificates) certificate.Dispose();
        return folder;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    /// <summary>OpenSSL's <c>X509_NAME_hash</c>: the first four bytes of SHA-1 over the name's canonical form, least first.</summary>
    internal static string HashOf(X509Certificate2 certificate)
    {
        var names = new AsnReader(certificate.SubjectName.RawData, AsnEncodingRules.DER).ReadSequence();
        var canonical = new List<byte>();
        while (names.HasData)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            var parts = names.ReadSetOf(skipSortOrderValidation: true);
            using (writer.PushSetOf())
            {
                while (parts.HasData)
                {
                    var part = parts.ReadSequence();
                    using (writer.PushSequence())
                    {
                        writer.WriteObjectIdentifier(part.ReadObjectIdentifier());
                        var tag = (UniversalTagNumber)part.PeekTag().TagValue;
                        if (IsText(tag)) writer.WriteCharacterString(UniversalTagNumber.UTF8String, Folded(part.ReadCharacterString(tag)));
                        else writer.WriteEncodedValue(part.ReadEncodedValue().Span);
                    }
                }
            }

            canonical.AddRange(writer.Encode());
        }

#pragma warning disable CA5350 // Not for security: OpenSSL names files so.
        return BitConverter.ToUInt32(SHA1.HashData(canonical.ToArray())).ToString("x8", CultureInfo.InvariantCulture);
#pragma warning restore CA5350
    }

    private static bool IsText(UniversalTagNumber tag) => tag is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString
        or UniversalTagNumber.T61String or UniversalTagNumber.IA5String or UniversalTagNumber.VisibleString or UniversalTagNumber.BMPString;

    /// <summary>Small ASCII letters, and one blank where there are several.</summary>
    private static string Folded(string text)
    {
        var folded = new StringBuilder(text.Length);
        foreach (var c in text.Trim(' ', '\t', '\n', '\v', '\f', '\r'))
        {
            var blank = c is ' ' or (>= '\t' and <= '\r');
            if (!blank) folded.Append(char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c);
            else if (folded[^1] != ' ') folded.Append(' ');
        }

        return folded.ToString();
    }
}
