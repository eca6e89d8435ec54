namespace Fleet.Manager;

/// <summary>Somebody whose name and password are right, and who may come in.</summary>
/// <param name="PasswordHash">Of an account that is kept here, as it was then.</param>
internal sealed record SignedIn(string Person, string Name, string Method, Role Role, string? PasswordHash = null);

/// <summary>Signing in with a name and a password: an account that is kept here comes before one of the directory's that is called the same.</summary>
internal sealed class PasswordSignIn(UserStore users, AuthSettings settings)
{
    private readonly LdapDirectory? _directory = settings.Ldap is { } ldap ? new(ldap.Directory) : null;

    /// <summary>Whether an account that is kept here still has the role and the password that it signed in with.</summary>
    public async ValueTask<bool> IsStillAsync(SignedIn person, CancellationToken ct) =>
        person.Method != SignIn.Local || (await users.FindAsync(person.Name, ct) is { } user && (user.Role, user.PasswordHash) == (person.Role, person.PasswordHash));

    /// <summary>Null for an unknown name, a wrong password, or somebody without a role: they are told the same, after about the same time.</summary>
    /// <exception cref="LdapUnavailableException">The directory cannot be asked.</exception>
    public async Task<SignedIn?> SignInAsync(string name, string password, CancellationToken ct)
    {
        if (settings.Local)
        {
            var user = await users.SignInAsync(name, password, ct);
            if (user is not null) return new(user.Person, user.Name, SignIn.Local, user.Role, user.PasswordHash);
            if (_directory is null) return null;
            if (await users.FindAsync(name, ct) is not null)
            {
                // The directory is asked all the same, with what cannot be right: how long it takes must not tell which names are kept here.
                await _directory.SignInAsync(Guid.NewGuid().ToString("N"), Guid.NewGuid().ToString("N"), ct);
                return null;
            }
        }

        if (_directory is null || name.Length is 0 or > 200 || await _directory.SignInAsync(name, password, ct) is not { } person) return null;
        return settings.Ldap!.RoleOf(person) is { } role ? new(Session.PersonOf("ldap", person.Name), person.Name, "ldap", role) : null;
    }
}
