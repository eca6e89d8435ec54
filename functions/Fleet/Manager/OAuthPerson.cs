using System.Text.Json;

namespace Fleet.Manager;

/// <summary>Somebody for whom a provider vouches.</summary>
/// <param name="Subject">The provider's name for the account: stays the same when the address changes.</param>
/// <param name="Email">Null where the provider names none.</param>
/// <param name="IsEmailVerified">Only then does the address count for anything.</param>
/// <param name="Domain">The organization that Google says owns the account; for others, what follows the @ of a verified address.</param>
/// <param name="Groups">Values of the claims that may bring roles.</param>
internal sealed record OAuthPerson(string Provider, string Subject, string? Email, bool IsEmailVerified, string? Name, string? Domain, IReadOnlyList<string> Groups)
{
    /// <summary>Set by <see cref="OAuthRules"/>.</summary>
    public Role Role { get; init; }

    /// <param name="claims">The id_token's.</param>
    /// <param name="more">The userinfo endpoint's, for what the id_token lacks; undefined if it was not asked.</param>
    public static OAuthPerson Read(OAuthProvider provider, JsonElement claims, JsonElement more)
    {
        // Of Entra's two addresses, Microsoft vouches for the domain of the sign-in name; "email" is whatever somebody once typed in, unless xms_edov says otherwise.
        var isEntra = provider.Kind == OAuthKind.Entra;
        var isOwned = OAuthClaims.Flag(claims, "xms_edov");
        var source = OAuthClaims.Text(claims, "email") is null && more.ValueKind == JsonValueKind.Object ? more : claims;
        var email = isEntra && !isOwned ? OAuthClaims.Text(claims, "preferred_username") ?? OAuthClaims.Text(claims, "upn") : OAuthClaims.Text(source, "email");
        var isVerified = email is not null && (isEntra || provider.TrustsEmail || OAuthClaims.Flag(source, "email_verified"));
        return new(
            provider.Name,
            OAuthClaims.Text(claims, "sub")!,
            email,
            isVerified,
            OAuthClaims.Text(claims, "name") ?? OAuthClaims.Text(more, "name"),
            provider.Kind == OAuthKind.Google ? OAuthClaims.Text(claims, "hd") : isVerified && email!.LastIndexOf('@') is >= 0 and var at ? email[(at + 1)..] : null,
            [.. provider.RoleClaims.SelectMany(claim => OAuthClaims.Texts(claims, claim).Concat(OAuthClaims.Texts(more, claim))).Distinct(StringComparer.Ordinal)]);
    }
}

/// <summary>Reading claims, which are text, lists of text, or absent, as providers like.</summary>
internal static class OAuthClaims
{
    public static string? Text(JsonElement claims, string name) =>
        claims.ValueKind == JsonValueKind.Object && claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    /// <summary>Some providers write truth as text, Entra as 1.</summary>
    public static bool Flag(JsonElement claims, string name) => claims.ValueKind == JsonValueKind.Object && claims.TryGetProperty(name, out var value) && value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.String => value.GetString() is "true" or "True" or "1",
        JsonValueKind.Number => value.TryGetInt32(out var number) && number == 1,
        _ => false,
    };

    /// <summary>The members of a claim that is an object.</summary>
    public static IEnumerable<string> Names(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value.EnumerateObject().Select(member => member.Name) : [];

    /// <summary>One text or a list of them. A claim of this very name wins over a path through objects: names may be URLs.</summary>
    public static IEnumerable<string> Texts(JsonElement claims, string name)
    {
        if (claims.ValueKind != JsonValueKind.Object) return [];
        if (!claims.TryGetProperty(name, out var value))
        {
            return name.Split('.', 2) is [var first, var rest] && claims.TryGetProperty(first, out var inner) ? Texts(inner, rest) : [];
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => [value.GetString()!],
            JsonValueKind.Array => value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!),
            _ => [],
        };
    }
}

/// <summary>Who gets in, and as what.</summary>
internal static class OAuthRules
{
    /// <exception cref="OAuthRefusedException">The person stays outside.</exception>
    public static OAuthPerson Admit(OAuthProvider provider, OAuthPerson person)
    {
        var isListed = provider.AllowedUsers.Count + provider.AllowedDomains.Count > 0;
        if (!person.IsEmailVerified && (provider.Kind == OAuthKind.Google || isListed)) throw new OAuthRefusedException(OAuthError.Unverified, $"{provider.Name} does not vouch for the address '{person.Email}'");

        // Everybody has an account with Google, so there a list is a must; the others' accounts are somebody's own already.
        if ((isListed || provider.Kind == OAuthKind.Google) && !Has(provider.AllowedUsers, person.Email) && !Has(provider.AllowedDomains, person.Domain))
        {
            throw new OAuthRefusedException(OAuthError.NotAllowed, $"{person.Email} of {(person.Domain is { } domain ? $"'{domain}'" : "no organization")} is in neither AllowedUsers nor AllowedDomains");
        }

        var role = RoleOf(provider, person) ?? provider.DefaultRole;
        return person with { Role = role ?? throw new OAuthRefusedException(OAuthError.NoRole, $"no role fits {person.Email ?? person.Subject}, whose groups are [{string.Join(", ", person.Groups.Take(20))}]") };
    }

    private static Role? RoleOf(OAuthProvider provider, OAuthPerson person)
    {
        var fitting = provider.Roles.Where(role => role.Value.Any(person.Groups.Contains) || (person.IsEmailVerified && Has(role.Value, person.Email))).Select(role => role.Key).ToList();
        return fitting.Count > 0 ? fitting.Max() : null;
    }

    private static bool Has(IReadOnlyList<string> list, string? value) => value is not null && list.Contains(value, StringComparer.OrdinalIgnoreCase);
}
