using System.CommandLine;
using Fleet.Hosting;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Cli;

/// <summary><c>fleet secret create|list|revoke</c>: enroll secrets.</summary>
internal static class SecretCommand
{
    public static Command Build()
    {
        var label = new Option<string?>("--label") { Description = "What people call it." };
        var tags = Shared.Tags("Tags of the nodes that enroll with it.");
        var uses = new Option<long?>("--max-uses") { Description = "How many enrollments it lets in. Default: any number." };
        var text = new Option<string?>("--secret") { Description = "A secret that agents already have, when moving here. Default: a random one." };
        var create = new Command("create", "Make an enroll secret and print it, alone. It is not shown again.") { label, tags, Shared.Expires, uses, text };
        create.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            var settings = services.GetRequiredService<Settings>();
            var tagList = parsed.GetValue(tags)!;
            if (TagSet.Fault(tagList, settings.Limits) is { } tagFault) throw new SettingsException(tagFault);
            if (parsed.GetValue(uses) < 1) throw new SettingsException("--max-uses is at least 1.");
            if (parsed.GetValue(text) is { } given && EnrollSecretsApi.Fault(given, settings.Enroll) is { } fault) throw new SettingsException(fault);
            try
            {
                var expiresAt = TimeProvider.System.GetUtcNow() + parsed.GetValue(Shared.Expires);
                var (_, made) = await services.GetRequiredService<EnrollSecrets>().CreateAsync(
                    parsed.GetValue(label) ?? "", TagSet.Of(tagList), expiresAt, parsed.GetValue(uses), node: null, parsed.GetValue(text), ct);
                Console.WriteLine(made);
                return 0;
            }
            catch (ConflictException)
            {
                throw new SettingsException("There is an enroll secret with this text already.");
            }
        }, ct, "enroll-secrets"));

        var list = new Command("list", "List the enroll secrets, without their text.");
        list.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            foreach (var secret in await services.GetRequiredService<EnrollSecrets>().ListAsync(ct))
            {
                Console.WriteLine($"{secret.Id}\t{secret.Label}\ttags: {secret.Tags}\tuses: {secret.Uses}/{secret.MaxUses?.ToString() ?? "any"}\texpires: {secret.ExpiresAt?.ToString("u") ?? "never"}");
            }

            return 0;
        }, ct));

        var id = new Argument<string>("id") { Description = "As fleet secret list shows it." };
        var revoke = new Command("revoke", "Remove an enroll secret. Nodes that enrolled with it stay.") { id };
        revoke.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
            await services.GetRequiredService<EnrollSecrets>().RemoveAsync(parsed.GetValue(id)!, ct) ? 0 : throw new SettingsException($"There is no enroll secret '{parsed.GetValue(id)}'."), ct, "enroll-secrets/" + parsed.GetValue(id)));
        return new("secret", "Enroll secrets.") { create, list, revoke };
    }
}
