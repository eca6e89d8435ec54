using System.CommandLine;
using Fleet.Nodes;

namespace Fleet.Cli;

/// <summary><c>fleet keys rotate</c>.</summary>
internal static class KeysCommand
{
    public static Command Build()
    {
        var rotate = new Command("rotate", "Sign node keys with a new key from now on. What the current key signed stays good until the next rotation.");
        rotate.SetAction((parsed, ct) => Shared.WithDataAsync(parsed, async services =>
        {
            await services.GetRequiredService<SigningKeys>().RotateAsync(ct);
            Console.WriteLine("Node keys are signed with a new key; those of the one before stay good.");
            return 0;
        }, ct, "node-signing-key"));
        return new("keys", "The keys that sign node keys.") { rotate };
    }
}
