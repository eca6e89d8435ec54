using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Azure.Core.Pipeline;

namespace Fleet.Shared;

/// <summary>A certificate for loopback that the stand-ins for Azure's services show, and clients of theirs trust.</summary>
internal sealed class TestCertificate
{
    private TestCertificate()
    {
        var folder = Directory.CreateTempSubdirectory("fleet-certificate-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Fleet tests", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        (Path, KeyPath) = (System.IO.Path.Combine(folder, "test.crt"), System.IO.Path.Combine(folder, "test.key"));
        File.WriteAllText(Path, made.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
        Certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), password: null);
    }

    public static TestCertificate Instance { get; } = new();

    /// <summary>With its key.</summary>
    public X509Certificate2 Certificate { get; }

    public string Path { get; }

    public string KeyPath { get; }

    /// <summary>A transport that trusts it.</summary>
    public HttpClientTransport NewTransport() => new(new HttpClient(NewHandler()));

    /// <summary>A handler that trusts it, and keeps no cookies.</summary>
    public SocketsHttpHandler NewHandler() => new()
    {
        UseCookies = false,
        SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.GetCertHashString() == Certificate.GetCertHashString() },
    };
}
