namespace Fleet.Manager;

/// <summary>How people sign in: <c>Fleet__Auth__NAME</c>.</summary>
/// <param name="Local">By the accounts that are kept here.</param>
/// <param name="Open">Everybody is an admin, without signing in.</param>
/// <param name="AllowOpen"><paramref name="Open"/> is wanted though others than this machine can reach the server.</param>
/// <param name="SessionIdle">A session that was not used for so long is over.</param>
/// <param name="SessionLife">A session is over after so long, however it is used.</param>
/// <param name="Ldap">A directory, or null.</param>
/// <param name="OAuth">Other people's accounts; may be none.</param>
internal sealed record AuthSettings(bool Local, bool Open, bool AllowOpen, TimeSpan SessionIdle, TimeSpan SessionLife, LdapSignIn? Ldap, OAuthSettings OAuth);

/// <summary>A directory, and which of its groups has which role.</summary>
/// <param name="Groups">DNs of groups for each role; the largest role that fits is taken.</param>
/// <param name="DefaultRole">Of whoever is in none of them; null: such people stay outside.</param>
internal sealed record LdapSignIn(LdapSettings Directory, IReadOnlyDictionary<Role, IReadOnlyList<string>> Groups, Role? DefaultRole)
{
    public Role? RoleOf(LdapPerson person)
    {
        var fitting = Groups.Where(role => role.Value.Any(person.IsIn)).Select(role => role.Key).ToList();
        return fitting.Count > 0 ? fitting.Max() : DefaultRole;
    }
}
