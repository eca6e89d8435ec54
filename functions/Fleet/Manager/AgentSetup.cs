using Fleet.Nodes;

namespace Fleet.Manager;

/// <param name="Name">As osquery names platforms: <c>linux</c>, <c>darwin</c> or <c>windows</c>.</param>
/// <param name="Folder">Where its osquery keeps its files: the flagfile, the enroll secret and the certificate go there.</param>
/// <param name="Flags">The flagfile, line by line.</param>
/// <param name="Needs">What else this platform needs, for whoever wants it.</param>
internal sealed record AgentPlatform(string Name, string Title, string Folder, IReadOnlyList<string> Flags, IReadOnlyList<AgentNeed> Needs);

/// <summary>What osquery has to be told, to come here.</summary>
/// <param name="Address">The server's name and port.</param>
/// <param name="Certificate">PEM, where the server has a certificate of its own; else agents trust the authorities that come with osquery.</param>
internal sealed record AgentSetup(string Address, string? Certificate, IReadOnlyList<AgentPlatform> Platforms)
{
    /// <summary>Where osquery's own packages put their files, and the authorities that they bring (its <c>default_paths.h</c>).</summary>
    private static readonly (string Name, string Title, string Folder, string Authorities)[] s_platforms =
    [
        ("linux", "Linux", "/etc/osquery/", "/opt/osquery/share/osquery/certs/certs.pem"),
        ("darwin", "macOS", "/var/osquery/", "/var/osquery/certs/certs.pem"),
        ("windows", "Windows", @"C:\Program Files\osquery\", @"C:\Program Files\osquery\certs\certs.pem"),
    ];

    /// <param name="request">Tells the address, where no public one is set.</param>
    /// <param name="publicUrl">The address that is set for people to come back to.</param>
    public static AgentSetup Of(HttpRequest request, Uri? publicUrl, OwnCertificate certificate, EnrollmentSettings settings)
    {
        var url = publicUrl ?? new Uri($"{request.Scheme}://{request.Host}");
        var address = $"{url.Host}:{url.Port}";
        return new(address, certificate.Pem, [.. s_platforms.Select(one => new AgentPlatform(
            one.Name, one.Title, one.Folder,
            AgentFlags.Of(address, certificate.Pem is null ? one.Authorities : one.Folder + "fleet.crt", one.Folder + "enroll-secret", one.Name, settings), AgentNeeds.Of(one.Name)))]);
    }
}
