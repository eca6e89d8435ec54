using System.Net;
using System.Net.NetworkInformation;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fleet.Nodes;

namespace Fleet.Hosting;

/// <summary>The server's certificate: the one that is set, or one that it makes for itself.</summary>
internal static class Certificates
{
    /// <summary>Makes a self-signed P-256 certificate for localhost, the machine's name and its addresses, good for ten years, unless there is one.</summary>
    /// <exception cref="SettingsException">The certificate is there, and its key is not.</exception>
    /// <remarks>Agents pin it as their <c>tls_server_certs</c>. It is good from yesterday on, for agents whose clock is behind.</remarks>
    public static async Task EnsureAsync(DataFolder folder, Uri url, CancellationToken ct)
    {
        using var turn = await folder.TakeTurnAsync(ct);
        if (File.Exists(folder.Certificate) && File.Exists(folder.CertificateKey)) return;

        // Agents trust that certificate alone: another would keep them out. The key alone is what a first start that broke off leaves.
        if (File.Exists(folder.Certificate)) throw new SettingsException($"{folder.Certificate} is there, and its key {folder.CertificateKey} is not. Put the key back from a backup that has secrets. If it is lost, delete the certificate to have both made anew, and give agents the new one.");

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={Dns.GetHostName()}, O=Fleet", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(AlternativeNames(url));
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddYears(10));

        await DataFolder.WritePrivateAsync(folder.CertificateKey, key.ExportPkcs8PrivateKeyPem() + "\n", ct);
        await File.WriteAllTextAsync(folder.Certificate, certificate.ExportCertificatePem() + "\n", ct);
    }

    /// <summary>The certificate with its key, and the chain that is sent with it.</summary>
    /// <exception cref="SettingsException">They cannot be read, or do not belong together.</exception>
    public static (X509Certificate2 Certificate, X509Certificate2Collection Chain) Load(string certificatePath, string keyPath)
    {
        var chain = ReadChain(certificatePath);
        try
        {
            return (X509Certificate2.CreateFromPemFile(certificatePath, keyPath), chain);
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"The key {keyPath} cannot be used with the certificate {certificatePath}: it is no PEM file of a key without a password, or belongs to another certificate. ({fault.Message})");
        }
    }

    /// <exception cref="SettingsException">It cannot be read, or holds no certificate.</exception>
    private static X509Certificate2Collection ReadChain(string path)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(path);
            return chain.Count > 0 ? chain : throw new SettingsException($"There is no certificate in {path}: it is a PEM file that begins with -----BEGIN CERTIFICATE-----.");
        }
        catch (Exception fault) when (fault is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"The certificate {path} cannot be read: {fault.Message}");
        }
    }

    /// <summary>What agents are told to trust.</summary>
    public static OwnCertificate Own(Settings settings, DataFolder folder)
    {
        if (settings.IsFunctionsApp || settings.Http.Url.Scheme != "https") return new(Pem: null);
        var chain = ReadChain(settings.Http.Certificate ?? folder.Certificate);

        // A certificate that somebody else issued is trusted by the machines' authorities, or by an authority that the file has too.
        var roots = chain.Where(one => one.SubjectName.RawData.AsSpan().SequenceEqual(one.IssuerName.RawData)).ToArray();
        return new(roots.Length == 0 ? null : new X509Certificate2Collection(roots).ExportCertificatePems() + "\n", chain[0].NotAfter);
    }

    private static X509Extension AlternativeNames(Uri url)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in new[] { "localhost", Dns.GetHostName(), url.HostNameType == UriHostNameType.Dns ? url.IdnHost : "localhost" }.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            names.AddDnsName(name);
        }

        var addresses = NetworkInterface.GetAllNetworkInterfaces().SelectMany(nic => nic.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address);
        foreach (var address in addresses.Append(IPAddress.Loopback).Append(IPAddress.IPv6Loopback).Select(Plain).Distinct()) names.AddIpAddress(address);
        return names.Build();
    }

    /// <summary>Without the scope that a link-local address carries.</summary>
    private static IPAddress Plain(IPAddress address) => new(address.GetAddressBytes());
}
