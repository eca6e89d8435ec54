using System.CommandLine;
using Fleet.Manager;

namespace Fleet.Cli;

/// <summary><c>fleet token create</c>.</summary>
internal static class TokenCommand
{
    public static Command Build()
    {
        var name = new Option<string>("--name") { Description = "What the token is for.", Required = true };
        var role = new Option<string>("--role") { Description = "What it may do.", Required = true };
        role.AcceptOnlyFromAmong([.. Roles.Names]);
        var create = new Command("create", "Make a token for scripts and print it, alone. It is not shown again.") { name, role, Shared.Expires };
        create.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            var expiresAt = TimeProvider.System.GetUtcNow() + parsed.GetValue(Shared.Expires);
            Console.WriteLine(await services.GetRequiredService<TokenStore>().CreateAsync(parsed.GetValue(name)!, Roles.Parse(parsed.GetValue(role)!), expiresAt, ct));
            return 0;
        }, ct, "tokens/" + parsed.GetValue(name)));
        return new("token", "API tokens.") { create };
    }
}
