using System.CommandLine;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Cli;

/// <summary><c>fleet keys rotate|pair|reset</c>.</summary>
internal static class KeysCommand
{
    public static Command Build()
    {
        var yes = new Option<bool>("--yes") { Description = "Rotate even if nodes have to enroll anew." };
        var rotate = new Command("rotate", "Sign node keys with a new key from now on. What the current key signed stays good until the next rotation.") { yes };
        rotate.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            if (!parsed.GetValue(yes) && await services.GetRequiredService<KeyUse>().LostAtRotationAsync(ct) is > 0 and var lost)
            {
                Console.Error.WriteLine($"{lost} nodes have keys that were signed before the last rotation: they would have to enroll anew, which needs an enroll secret that is still good on each machine. To go on, add --yes.");
                return 1;
            }

            await services.GetRequiredService<SigningKeys>().RotateAsync(ct);
            await services.GetRequiredService<Installation>().CountAsync(ct, by: 2);
            Console.WriteLine("Node keys are signed with a new key; those of the one before stay good.");
            return 0;
        }, ct, "node-signing-key"));
        var reset = new Command("reset", "Make new signing keys where the old ones are lost for good. Every node enrolls anew, people sign in again, and enroll secrets have to be made anew.");
        reset.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            await services.GetRequiredService<SigningKeys>().ResetAsync(ct);
            var gone = await services.GetRequiredService<EnrollSecrets>().ResetAsync(ct);
            await services.GetRequiredService<Installation>().PairAsync(ct);
            Console.WriteLine($"There are new signing keys: every node enrolls anew. {gone} enroll secrets that nobody could use any more are removed; make new ones with 'fleet secret create'.");
            return 0;
        }, ct, "node-signing-key", isRepair: true));

        var pair = new Command("pair", "Take the database and the secrets as they are for one installation, after one of them was put back from an older copy.");
        pair.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            await services.GetRequiredService<Installation>().PairAsync(ct);
            Console.WriteLine("Database and secrets are taken for one installation. Nodes whose keys the secrets do not know enroll anew.");
            return 0;
        }, ct, "installation", isRepair: true));
        return new("keys", "The keys that sign node keys.") { rotate, pair, reset };
    }
}
