using Fleet.Kernel;
using Fleet.Storage;
using Microsoft.AspNetCore.Identity;

namespace Fleet.Manager;

/// <summary>A local account.</summary>
internal sealed record User(string Name, string PasswordHash, Role Role, DateTimeOffset CreatedAt)
{
    /// <summary>As sessions and tokens know the account.</summary>
    public string Person => Session.PersonOf(SignIn.Local, Name);
}

/// <summary>Local accounts. Table: <see cref="Schema.Users"/>. Passwords are kept as ASP.NET's PBKDF2 hashes.</summary>
internal sealed class UserStore(ITables tables, SessionStore sessions, TokenStore tokens, TimeProvider clock)
{
    public const int LeastPassword = 8;

    private static readonly PasswordHasher<string> s_hasher = new();
    private static readonly string s_nobody = s_hasher.HashPassword("", Guid.NewGuid().ToString());
    private readonly ITable _users = tables[Schema.Users];

    public async ValueTask<User?> FindAsync(string name, CancellationToken ct) => await _users.FindAsync(KeyOf(name), ct) is { } row ? Read(row) : null;

    public async ValueTask<IReadOnlyList<User>> ListAsync(CancellationToken ct)
    {
        var users = new List<User>();
        await foreach (var row in _users.ScanAsync(KeyRange.Partition(Schema.All), ct)) users.Add(Read(row));
        return users;
    }

    /// <exception cref="ConflictException">There is an account of this name.</exception>
    public async ValueTask AddAsync(string name, string password, Role role, CancellationToken ct) =>
        await _users.WriteAsync(Write.Insert(KeyOf(name), Columns(new(name, Hash(password), role, clock.GetUtcNow()))), ct);

    /// <summary>Sets a password and ends the account's sessions; false if there is no such account.</summary>
    /// <param name="name">The account's.</param>
    /// <param name="password">The new one.</param>
    /// <param name="ct">Stops before the write.</param>
    /// <param name="save">A session that goes on: that of whoever changes their own.</param>
    public async ValueTask<bool> SetPasswordAsync(string name, string password, CancellationToken ct, string? save = null)
    {
        if (!await MergeAsync(name, new() { ["PasswordHash"] = Hash(password) }, ct)) return false;
        await sessions.EndAllAsync(Session.PersonOf(SignIn.Local, name), save, ct);
        return true;
    }

    /// <summary>Gives an account another role. Its sessions and tokens end: they were made for what it was.</summary>
    /// <remarks>They end before and after: if it fails in between, doing it again does all of it.</remarks>
    /// <exception cref="LastAdminException">It is the last admin.</exception>
    public async ValueTask<bool> SetRoleAsync(string name, Role role, CancellationToken ct)
    {
        var before = await FindAsync(name, ct);
        if (role != Role.Admin) await KeepAdminAsync(before, ct);
        await EndAsync(name, ct);
        if (!await MergeAsync(name, new() { ["Role"] = Roles.NameOf(role) }, ct)) return false;
        if (role != Role.Admin && before?.Role == Role.Admin && await CountAdminsAsync(ct) == 0)
        {
            await MergeAsync(name, new() { ["Role"] = Roles.NameOf(Role.Admin) }, CancellationToken.None);
            throw new LastAdminException();
        }

        await EndAsync(name, ct);
        return true;
    }

    /// <summary>Removes an account, its sessions and the tokens that it made; false if there is none.</summary>
    /// <exception cref="LastAdminException">It is the last admin.</exception>
    public async ValueTask<bool> RemoveAsync(string name, CancellationToken ct)
    {
        if (await FindAsync(name, ct) is not { } user) return false;
        await KeepAdminAsync(user, ct);
        await EndAsync(name, ct);
        await _users.WriteAsync(Write.Delete(KeyOf(name)), ct);
        if (user.Role == Role.Admin && await CountAdminsAsync(ct) == 0)
        {
            await _users.WriteAsync(Write.Replace(KeyOf(name), Columns(user)), CancellationToken.None);
            throw new LastAdminException();
        }

        await EndAsync(name, ct);
        return true;
    }

    /// <summary>The account, if the password is right. Takes as long when there is no such account.</summary>
    public async ValueTask<User?> SignInAsync(string name, string password, CancellationToken ct)
    {
        var user = name.Length is > 0 and <= 200 ? await FindAsync(name, ct) : null;
        var verdict = s_hasher.VerifyHashedPassword(name, user?.PasswordHash ?? s_nobody, password);
        return verdict == PasswordVerificationResult.Failed ? null : user;
    }

    /// <summary>Asked before, so that no session ends for nothing, and once more after: two admins may remove each other at once.</summary>
    private async ValueTask KeepAdminAsync(User? user, CancellationToken ct)
    {
        if (user?.Role == Role.Admin && await CountAdminsAsync(ct) == 1) throw new LastAdminException();
    }

    private async ValueTask<int> CountAdminsAsync(CancellationToken ct) => (await ListAsync(ct)).Count(user => user.Role == Role.Admin);

    private static string Hash(string password) => s_hasher.HashPassword("", password);

    private async ValueTask EndAsync(string name, CancellationToken ct)
    {
        await sessions.EndAllAsync(Session.PersonOf(SignIn.Local, name), save: null, ct);
        await tokens.RemoveOfAsync(Session.PersonOf(SignIn.Local, name), ct);
    }

    /// <summary>Changes an account that is there: a merge into one that was removed just now would make half an account.</summary>
    private async ValueTask<bool> MergeAsync(string name, Columns columns, CancellationToken ct)
    {
        for (; ; )
        {
            if (await _users.FindAsync(KeyOf(name), ct) is not { } row) return false;
            try
            {
                await _users.WriteAsync(Write.Merge(row.Key, columns).If(row.Etag), ct);
                return true;
            }
            catch (ConflictException)
            {
                // Somebody changes it at the same time: look again.
            }
        }
    }

    private static Key KeyOf(string name) => new(Schema.All, KeyText.Of(name.ToLowerInvariant()));

    private static Columns Columns(User user) => new Columns()
        .With("Name", user.Name).With("PasswordHash", user.PasswordHash).With("Role", Roles.NameOf(user.Role)).With("CreatedAt", user.CreatedAt);

    private static User Read(Row row) => new(
        row.Columns.Text("Name")!, row.Columns.Text("PasswordHash")!, Roles.TryParse(row.Columns.Text("Role"), out var role) ? role : Role.Viewer,
        row.Columns.Time("CreatedAt")!.Value);
}

/// <summary>Without it nobody could let anybody in.</summary>
internal sealed class LastAdminException() : Exception("This is the last admin: make another one first.");
