using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fleet.Nodes;

namespace Fleet.Agents;

/// <summary>Certificate revocation lists (RFC 5280), one after another in PEM, or one in DER. Whoever sets the file is trusted: its signatures are not checked.</summary>
internal sealed class RevocationList(string pemOrPath)
{
    private const string Label = "X509 CRL";

    private (DateTime Written, HashSet<string> Revoked) _read = (DateTime.MinValue, []);

    public bool Holds(X509Certificate2 certificate) => Current().Contains(KeyOf(certificate.IssuerName.RawData, certificate.SerialNumberBytes.Span));

    /// <summary>Reads everything; throws what is wrong with it.</summary>
    /// <exception cref="FormatException">It is no revocation list, or the file cannot be read.</exception>
    public HashSet<string> Current()
    {
        var isText = CertificateSettings.IsPem(pemOrPath);
        var written = isText ? DateTime.MaxValue : File.GetLastWriteTimeUtc(pemOrPath);
        var read = _read;
        if (read.Written == written) return read.Revoked;
        try
        {
            read = (written, Read(isText ? Encoding.ASCII.GetBytes(pemOrPath) : File.ReadAllBytes(pemOrPath)));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or AsnContentException)
        {
            throw new FormatException($"it is no certificate revocation list in PEM or DER: {fault.Message}", fault);
        }

        _read = read;
        return read.Revoked;
    }

    private static HashSet<string> Read(byte[] bytes)
    {
        var revoked = new HashSet<string>(StringComparer.Ordinal);
        if (bytes is not [(byte)'-', ..])
        {
            ReadOne(bytes, revoked);
            return revoked;
        }

        var text = Encoding.ASCII.GetString(bytes).AsSpan();
        var count = 0;
        while (PemEncoding.TryFind(text, out var fields))
        {
            if (text[fields.Label].SequenceEqual(Label))
            {
                ReadOne(Convert.FromBase64String(text[fields.Base64Data].ToString()), revoked);
                count++;
            }

            text = text[fields.Location.End..];
        }

        return count > 0 ? revoked : throw new FormatException($"there is no revocation list in it: a block '{Label}' is missing");
    }

    private static void ReadOne(byte[] der, HashSet<string> revoked)
    {
        var list = new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        if (list.PeekTag().HasSameClassAndValue(Asn1Tag.Integer)) list.ReadInteger();
        list.ReadEncodedValue(); // how it is signed
        var issuer = list.ReadEncodedValue().Span;
        list.ReadEncodedValue(); // this update
        if (list.HasData && list.PeekTag() is { TagValue: (int)UniversalTagNumber.UtcTime or (int)UniversalTagNumber.GeneralizedTime }) list.ReadEncodedValue();
        if (!list.HasData || !list.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence)) return;
        for (var entries = list.ReadSequence(); entries.HasData;) revoked.Add(KeyOf(issuer, entries.ReadSequence().ReadIntegerBytes().Span));
    }

    private static string KeyOf(ReadOnlySpan<byte> issuer, ReadOnlySpan<byte> serial) => Convert.ToHexString(serial.TrimStart((byte)0)) + "/" + Convert.ToHexString(SHA256.HashData(issuer));
}
