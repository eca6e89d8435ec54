namespace Fleet.Manager;

/// <summary>What sort of provider it is: they differ in who vouches for what.</summary>
internal enum OAuthKind
{
    /// <summary>Google says which organization owns an account (<c>hd</c>), and nothing of groups.</summary>
    Google,

    /// <summary>Entra speaks for one tenant, and sends app roles and groups.</summary>
    Entra,

    /// <summary>Any issuer that speaks OpenID Connect.</summary>
    Oidc,
}

/// <summary>Sign-in by other people's accounts.</summary>
/// <param name="PublicUrl">What browsers call this server, where that is not what requests say: behind the Functions host, or a proxy that changes the host. Null: as requests say.</param>
internal sealed record OAuthSettings(IReadOnlyList<OAuthProvider> Providers, Uri? PublicUrl = null);

/// <summary>One provider, and whom it lets in as what. Make one by <see cref="Google"/>, <see cref="Entra"/> or <see cref="Oidc"/>.</summary>
/// <param name="Name">The scheme, and a segment of the callback's path: <c>/api/session/oauth/NAME/callback</c> is what to register with the provider.</param>
/// <param name="Issuer">As it calls itself in <c>iss</c>. Its discovery document is read at the first sign-in, not before.</param>
/// <param name="Tenant">Entra's: the directory's GUID, for <c>tid</c>. Null for the others.</param>
internal sealed record OAuthProvider(OAuthKind Kind, string Name, string ClientId, string ClientSecret, string Issuer, string? Tenant = null)
{
    private const string GoogleIssuer = "https://accounts.google.com";

    public IReadOnlyList<string> Scopes { get; init; } = ["openid", "email", "profile"];

    /// <summary>E-mail addresses, in any case. With this or <see cref="AllowedDomains"/> set, a person must be in one of them; with Google, one must be set.</summary>
    public IReadOnlyList<string> AllowedUsers { get; init; } = [];

    /// <summary>Google: organizations (<c>hd</c>), not what follows the @. Others: what follows the @ in the address.</summary>
    public IReadOnlyList<string> AllowedDomains { get; init; } = [];

    /// <summary>Who has a role: values of <see cref="RoleClaims"/> as they are, or e-mail addresses. The biggest that fits is taken.</summary>
    public IReadOnlyDictionary<Role, IReadOnlyList<string>> Roles { get; init; } = new Dictionary<Role, IReadOnlyList<string>>();

    /// <summary>Claims whose values <see cref="Roles"/> names; a dot goes into an object, as in Keycloak's <c>realm_access.roles</c>.</summary>
    public IReadOnlyList<string> RoleClaims { get; init; } = [];

    /// <summary>The role of whoever has none by <see cref="Roles"/>; null: such people stay outside.</summary>
    public Role? DefaultRole { get; init; }

    /// <summary>Addresses count even where the issuer does not say <c>email_verified</c>. Only for an issuer where nobody can type in an address of their own.</summary>
    public bool TrustsEmail { get; init; }

    public static OAuthProvider Google(string clientId, string clientSecret, string issuer = GoogleIssuer) => new(OAuthKind.Google, "google", clientId, clientSecret, issuer);

    /// <param name="tenant">The directory's GUID. Neither its domain name nor <c>common</c>: tokens call their issuer by the GUID.</param>
    public static OAuthProvider Entra(string tenant, string clientId, string clientSecret, string? issuer = null) =>
        new(OAuthKind.Entra, "entra", clientId, clientSecret, issuer ?? $"https://login.microsoftonline.com/{tenant}/v2.0", tenant) { RoleClaims = ["roles", "groups"] };

    public static OAuthProvider Oidc(string issuer, string clientId, string clientSecret) => new(OAuthKind.Oidc, "oidc", clientId, clientSecret, issuer) { RoleClaims = ["groups"] };

    /// <summary>What is wrong with it, in words that follow the setting's name; for the check at the start, which asks nothing of the network.</summary>
    public IEnumerable<(string Key, string Fault)> Faults()
    {
        if (ClientId.Length == 0) yield return (nameof(ClientId), "it is missing");
        if (ClientSecret.Length == 0) yield return (nameof(ClientSecret), "it is missing");
        if (!OAuthConfiguration.IsSafe(Issuer)) yield return (nameof(Issuer), $"'{Issuer}' is no https address");
        if (Kind == OAuthKind.Entra && !Guid.TryParseExact(Tenant, "D", out _)) yield return (nameof(Tenant), $"'{Tenant}' is not the GUID of a directory (tenant)");
        if (!Scopes.Contains("openid")) yield return (nameof(Scopes), "without 'openid' the provider does not say who it is");
        if (Kind == OAuthKind.Google && AllowedUsers.Count + AllowedDomains.Count == 0) yield return (nameof(AllowedUsers), "with neither AllowedUsers nor AllowedDomains nobody gets in");
        if (Roles.Values.All(people => people.Count == 0) && DefaultRole is null) yield return (nameof(Roles), "with neither Roles nor DefaultRole nobody gets in");
    }
}
