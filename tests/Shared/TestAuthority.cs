using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fleet.Shared;

/// <summary>A certificate authority that a test makes, and what it issues.</summary>
internal sealed class TestAuthority : IDisposable
{
    public const string ForClients = "1.3.6.1.5.5.7.3.2";
    public const string ForServers = "1.3.6.1.5.5.7.3.1";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly CertificateRevocationListBuilder _revoked = new();
    private long _serial = 1;

    public TestAuthority(string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        Root = request.CreateSelfSigned(new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new(2040, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    public X509Certificate2 Root { get; }

    public string Pem => Root.ExportCertificatePem();

    /// <summary>A client's certificate, with its key.</summary>
    public X509Certificate2 Issue(string subject, DateTimeOffset? from = null, DateTimeOffset? to = null, string usage = ForClients, string? dns = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        if (dns is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dns);
            request.CertificateExtensions.Add(names.Build());
        }

        using var issued = request.Create(
            Root, from ?? new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero), to ?? new(2035, 1, 1, 0, 0, 0, TimeSpan.Zero), BitConverter.GetBytes(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(_serial++)));
        using var whole = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pfx), password: null);
    }

    public void Revoke(X509Certificate2 certificate) => _revoked.AddEntry(certificate);

    /// <summary>What was revoked, in DER.</summary>
    public byte[] RevocationList()
    {
        var now = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        return _revoked.Build(Root, System.Numerics.BigInteger.One, now.AddYears(1), HashAlgorithmName.SHA256, null, now);
    }

    public void Dispose()
    {
        Root.Dispose();
        _key.Dispose();
    }
}
