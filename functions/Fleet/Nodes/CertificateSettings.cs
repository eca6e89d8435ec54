namespace Fleet.Nodes;

/// <summary>Whether and how agents are known by client certificates: <c>Fleet__Certificates__NAME</c>.</summary>
/// <param name="Authorities">PEM, or the path of a PEM file: the roots, and intermediates, whose certificates are good. Null: certificates are off.</param>
/// <param name="RevocationList">PEM or a path of PEM or DER: what was revoked. A file is read anew when it changes.</param>
/// <param name="Tags">What nodes that come by certificate are tagged with.</param>
/// <param name="ByHeader">A platform terminates TLS, and hands the certificate over in a header.</param>
internal sealed record CertificateSettings(string? Authorities, string? RevocationList, IReadOnlyList<string> Tags, bool ByHeader)
{
    /// <summary>Whether a setting is the text itself, and no path.</summary>
    public static bool IsPem(string pemOrPath) => pemOrPath.TrimStart().StartsWith("-----BEGIN", StringComparison.Ordinal);

    /// <exception cref="FormatException">The file cannot be read.</exception>
    public static string TextOf(string pemOrPath)
    {
        if (IsPem(pemOrPath)) return pemOrPath;
        try
        {
            return File.ReadAllText(pemOrPath);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new FormatException(fault.Message, fault);
        }
    }
}
