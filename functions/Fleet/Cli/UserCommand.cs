using System.CommandLine;
using Fleet.Hosting;
using Fleet.Manager;
using Fleet.Storage;

namespace Fleet.Cli;

/// <summary><c>fleet user add|passwd|remove|list</c>. Passwords come from <c>--password</c>, or are asked for.</summary>
internal static class UserCommand
{
    public static Command Build()
    {
        var name = new Argument<string>("name") { Description = "The account's name." };
        var password = new Option<string?>("--password") { Description = "The password; left out, it is asked for, or read from standard input." };
        var role = new Option<string>("--role") { Description = "What the account may do.", DefaultValueFactory = _ => "viewer" };
        role.AcceptOnlyFromAmong([.. Roles.Names]);

        var add = new Command("add", "Make an account.") { name, role, password };
        add.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            try
            {
                await services.GetRequiredService<UserStore>().AddAsync(parsed.GetValue(name)!, Read(parsed.GetValue(password)), Roles.Parse(parsed.GetValue(role)!), ct);
            }
            catch (ConflictException)
            {
                throw new SettingsException($"There is an account '{parsed.GetValue(name)}' already.");
            }

            Console.WriteLine($"The account '{parsed.GetValue(name)}' is made.");
            return 0;
        }, ct, "users/" + parsed.GetValue(name)));

        var passwd = new Command("passwd", "Set a password; the account's sessions end.") { name, password };
        passwd.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
            await services.GetRequiredService<UserStore>().SetPasswordAsync(parsed.GetValue(name)!, Read(parsed.GetValue(password)), ct) ? 0 : Missing(parsed.GetValue(name)!), ct, "users/" + parsed.GetValue(name)));

        var remove = new Command("remove", "Remove an account.") { name };
        remove.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
            await services.GetRequiredService<UserStore>().RemoveAsync(parsed.GetValue(name)!, ct) ? 0 : Missing(parsed.GetValue(name)!), ct, "users/" + parsed.GetValue(name)));

        var list = new Command("list", "List the accounts.");
        list.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            foreach (var user in await services.GetRequiredService<UserStore>().ListAsync(ct)) Console.WriteLine($"{user.Name}\t{Roles.NameOf(user.Role)}\t{user.CreatedAt:u}");
            return 0;
        }, ct));
        return new("user", "Local accounts.") { add, passwd, remove, list };
    }

    private static int Missing(string name) => throw new SettingsException($"There is no account '{name}'.");

    private static string Read(string? given)
    {
        var password = given ?? Prompt.Hidden("Password");
        return password.Length >= UserStore.LeastPassword ? password : throw new SettingsException($"A password has at least {UserStore.LeastPassword} characters.");
    }
}
