using System.Text.Json.Nodes;
using Fleet.Shared;
using Fleet.Swarm;

namespace Fleet.EndToEnd;

/// <summary>The program by itself, as in a container, with Azure's services: no Functions host hands messages over or ticks.</summary>
public sealed class ContainerTests
{
    [Fact]
    public async Task The_image_is_made_of_files_that_are_there()
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(RepositoryRoot.Path, "infra", "Dockerfile"));
        var sources = lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.StartsWith("COPY --", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1]);
        Assert.All(sources.Append("portal/dist"), path => Assert.True(Path.Exists(Path.Combine(RepositoryRoot.Path, path)), path));
    }

    [Fact]
    public async Task With_Azures_services_and_no_data_folder_alerts_are_raised_and_sent_and_a_second_instance_goes_on()
    {
        await using var cloud = await FakeCloud.StartAsync();
        (string, string)[] settings = [.. cloud.Settings.Where(pair => pair.Key.StartsWith("Fleet__", StringComparison.Ordinal) || pair.Key is "SSL_CERT_FILE" or "IDENTITY_ENDPOINT" or "IDENTITY_HEADER").Select(pair => (pair.Key, pair.Value))];
        await using var fleet = new ContainerUnderTest([.. settings, ("Fleet__Http__AllowPlain", "true")]);
        await fleet.StartPlainAsync();
        Assert.False(Directory.Exists(fleet.Data), "Nothing lies in the data folder.");
        await fleet.SignInAsync();
        var secret = Assert.Single(cloud.Vault.ValuesOf(Hosting.FirstStart.VaultSecret));
        await AlertAsync(fleet, fleet.Agent(1, secret));

        var token = fleet.Token;
        await fleet.KillAsync();
        await fleet.StartPlainAsync();
        fleet.UseToken(token);
        Assert.Single(await fleet.ListAsync("/api/nodes"));
    }

    [Fact]
    public async Task Tables_on_Azure_with_the_bus_and_the_secrets_in_the_data_folder_work_too()
    {
        await using var cloud = await FakeCloud.StartAsync();
        await using var fleet = new ContainerUnderTest([.. cloud.Settings.Where(pair => pair.Key.StartsWith("Fleet__Storage", StringComparison.Ordinal) || pair.Key is "Fleet__Azure__ClientId" or "SSL_CERT_FILE" or "IDENTITY_ENDPOINT" or "IDENTITY_HEADER").Select(pair => (pair.Key, pair.Value))]);
        await fleet.StartAsync();
        await fleet.SignInAsync();
        await AlertAsync(fleet, fleet.Agent(1));
    }

    /// <summary>One line that a rule watches for, and its alert, delivered.</summary>
    private static async Task AlertAsync(ProgramUnderTest fleet, SimulatedAgent agent)
    {
        await fleet.WatchAsync("bad");
        agent.LogRows("bad", "added", [new JsonObject { ["a"] = "1" }]);
        Assert.True(await agent.FlushLogsAsync(default));
        await Eventually.TrueAsync(async () => (await fleet.ListAsync("/api/alerts")) is [var alert] && (string?)alert["deliveries"]![0]!["state"] == "delivered", () => fleet.Output);
    }
}
