using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fleet.Nodes;

namespace Fleet.Agents;

/// <summary>What came of looking at a request's certificate.</summary>
/// <param name="Name">Who it is; null if there is none, or it is not good.</param>
/// <param name="Fault">Why it is not good.</param>
internal sealed record ReadCertificate(string? Name, string? Fault)
{
    public static ReadCertificate None { get; } = new(null, null);

    public static ReadCertificate Bad(string fault) => new(null, fault);
}

/// <summary>Who a client certificate says that an agent is. The platform that terminates TLS checks nothing, so everything is checked here.</summary>
internal sealed class ClientCertificates
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string CommonName = "2.5.4.3";
    private const string Header = "X-ARR-ClientCert";
    private const int MostRemembered = 50_000;
    private static readonly TimeSpan s_age = TimeSpan.FromMinutes(5);

    private readonly CertificateSettings _settings;
    private readonly TimeProvider _clock;
    private readonly X509Certificate2Collection _authorities = [];
    private readonly RevocationList? _revoked;
    private readonly ConcurrentDictionary<string, (ReadCertificate Read, DateTimeOffset At)> _verified = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">The authorities cannot be read.</exception>
    public ClientCertificates(CertificateSettings settings, TimeProvider clock)
    {
        (_settings, _clock) = (settings, clock);
        if (settings.Authorities is { } authorities)
        {
            try
            {
                _authorities.ImportFromPem(CertificateSettings.TextOf(authorities));
            }
            catch (CryptographicException fault)
            {
                throw new FormatException($"the certificates cannot be read: {fault.Message}", fault);
            }

            if (_authorities.Count == 0) throw new FormatException("there is no certificate in it");
        }

        _revoked = settings.RevocationList is { } list ? new(list) : null;
    }

    /// <summary>The name in a request's certificate, if certificates are on and it is good; null otherwise.</summary>
    public string? NameIn(HttpContext context) => Read(context).Name;

    /// <summary>What a request's certificate says.</summary>
    public ReadCertificate Read(HttpContext context)
    {
        if (_settings.Authorities is null) return ReadCertificate.None;
        using var sent = _settings.ByHeader ? OfHeader(context.Request) : null;
        if ((sent ?? context.Connection.ClientCertificate) is not { } certificate || (_settings.ByHeader && sent is null)) return ReadCertificate.None;
        try
        {
            return Read(certificate);
        }
        catch (CryptographicException)
        {
            // OpenSSL reads some that somebody made up, and then not all that is in them.
            return ReadCertificate.Bad("the client certificate cannot be read");
        }
    }

    private ReadCertificate Read(X509Certificate2 certificate)
    {
        if (_revoked?.Holds(certificate) == true) return ReadCertificate.Bad("the client certificate is revoked");
        var now = _clock.GetUtcNow();
        var print = certificate.GetCertHashString(HashAlgorithmName.SHA256);
        if (_verified.TryGetValue(print, out var known) && now - known.At < s_age && now >= known.At && now < certificate.NotAfter) return known.Read;
        if (_verified.Count >= MostRemembered) _verified.Clear();
        var read = FaultOf(certificate, now) is { } fault ? ReadCertificate.Bad(fault)
            : NameOf(certificate) is { } name ? new(name, Fault: null)
            : ReadCertificate.Bad("the client certificate has neither a common name nor a DNS name");
        _verified[print] = (read, now);
        return read;
    }

    /// <summary>Chain to one of our authorities, dates by our clock, and good for clients. Null if all is so.</summary>
    private string? FaultOf(X509Certificate2 certificate, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        foreach (var authority in _authorities) (authority.SubjectName.RawData.AsSpan().SequenceEqual(authority.IssuerName.RawData) ? chain.ChainPolicy.CustomTrustStore : chain.ChainPolicy.ExtraStore).Add(authority);
        if (!chain.Build(certificate)) return Explain(certificate, chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status));

        // An authority that was revoked takes what it issued with it.
        return _revoked is not null && chain.ChainElements.Any(element => _revoked.Holds(element.Certificate)) ? "the authority of the client certificate is revoked" : null;
    }

    private static string Explain(X509Certificate2 certificate, X509ChainStatusFlags faults)
    {
        const X509ChainStatusFlags Foreign = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.NotSignatureValid;
        var issuer = certificate.Issuer.Length > 200 ? certificate.Issuer[..200] : certificate.Issuer;
        return (faults & Foreign) != 0 ? $"the client certificate was issued by another authority than those that are trusted here: {issuer}"
            : (faults & X509ChainStatusFlags.NotTimeValid) != 0 ? "the client certificate has expired, or is not good yet"
            : (faults & X509ChainStatusFlags.NotValidForUsage) != 0 ? "the client certificate is not one for client authentication"
            : $"the client certificate is not good: {faults}";
    }

    /// <summary>The common name, or the first DNS name where there is none.</summary>
    private static string? NameOf(X509Certificate2 certificate)
    {
        // Not .NET's simple name: without a common name that is the organisation's, and all its machines would be one.
        var common = certificate.SubjectName.EnumerateRelativeDistinguishedNames().FirstOrDefault(part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName);
        var name = common?.GetSingleElementValue();
        if (string.IsNullOrWhiteSpace(name)) name = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault()?.EnumerateDnsNames().FirstOrDefault();
        return string.IsNullOrWhiteSpace(name) ? null : name.Trim();
    }

    /// <summary>Base64 of the certificate, as the platform's front end writes it over whatever a client sent there.</summary>
    private static X509Certificate2? OfHeader(HttpRequest request)
    {
        try
        {
            return request.Headers[Header].ToString() is { Length: > 0 } text ? X509CertificateLoader.LoadCertificate(Convert.FromBase64String(text)) : null;
        }
        catch (Exception fault) when (fault is FormatException or CryptographicException)
        {
            return null;
        }
    }
}
