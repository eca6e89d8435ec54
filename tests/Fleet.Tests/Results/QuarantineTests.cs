using Fleet.Kernel;
using Fleet.Results;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Results;

/// <summary>A batch that a stage cannot work off is put aside; a store that does not answer puts nothing aside.</summary>
public sealed class QuarantineTests
{
    private const string T = "\"unixTime\":1772452800";

    [Theory]
    [InlineData(Schema.Reports, "reports")]
    [InlineData("ResultIndex", "index")]
    public async Task A_batch_that_fails_for_its_own_reason_is_put_aside_alone_and_can_be_tried_again(string table, string stage)
    {
        await using var world = await World.OpenAsync();
        var (odd, good) = (await world.EnrollAsync("odd"), await world.EnrollAsync("good"));
        await world.AddRuleAsync("aside", """{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"fleet/batch_quarantined"}]}""", "log");
        await LogAsync(world, odd, "poison");
        await LogAsync(world, odd, "q");
        await LogAsync(world, good, "q");
        world.Tables.FaultOf = (name, write) => name.StartsWith(table, StringComparison.Ordinal) && write.Key.Partition.StartsWith("poison", StringComparison.Ordinal) ? new InvalidOperationException("no reader was made for this") : null;
        await world.MaterializeAsync();

        Assert.Equal(2, (await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items.Count);
        var aside = Assert.Single(await world.Get<Quarantine>().ListAsync(10, default));
        Assert.Equal((stage, NodeId.OfHost("odd"), "no reader was made for this"), (aside.Stage, aside.Batch.Node, aside.Reason));
        Assert.DoesNotContain((await world.Get<Inbox>().PageAsync(10, null, default)).Items, waiting => waiting.Batch == aside.Batch);
        await world.PumpAsync();
        Assert.Contains("fleet/batch_quarantined", world.AlertLog, StringComparison.Ordinal);

        world.Tables.FaultOf = null;
        Assert.True(await world.Get<Quarantine>().RetryAsync(aside.Id, default));
        await world.MaterializeAsync();
        Assert.Empty(await world.Get<Quarantine>().ListAsync(10, default));
        Assert.Single((await world.Get<ReportStore>().PageAsync("poison", 10, null, default)).Items);
        Assert.False(await world.Get<Quarantine>().RetryAsync(aside.Id, default));
    }

    public static TheoryData<Exception> MachineFaults() =>
    [
        new StorageUnavailableException("down"), new IOException("Too many open files"), new TimeoutException(), new UnauthorizedAccessException(), new OperationCanceledException(),
    ];

    [Theory]
    [MemberData(nameof(MachineFaults), DisableDiscoveryEnumeration = true)]
    public async Task What_fails_for_a_reason_of_the_machine_waits_and_is_done_when_it_works_again(Exception fault)
    {
        await using var world = await World.OpenAsync();
        await LogAsync(world, await world.EnrollAsync("a"), "q");
        await world.MaterializeAsync();
        await LogAsync(world, await world.EnrollAsync("b"), "q");
        world.Tables.FaultOf = (name, _) => name == Schema.Reports ? fault : null;
        await Assert.ThrowsAnyAsync<Exception>(() => world.MaterializeAsync());
        Assert.Empty(await world.Get<Quarantine>().ListAsync(10, default));
        world.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Single(world.Get<StageBoard>().Standing(TimeSpan.FromMinutes(5)));

        world.Tables.FaultOf = null;
        await world.MaterializeAsync();
        Assert.Equal(2, (await world.Get<ReportStore>().PageAsync("q", 10, null, default)).Items.Count);
        Assert.Empty(world.Get<StageBoard>().Standing(TimeSpan.Zero));
    }

    private static async Task LogAsync(World world, string key, string query) =>
        Assert.False((await world.LogAsync(key, $$"""[{"name":"{{query}}","columns":{"a":"1"},"action":"added",{{T}}}]""")).IsError);
}
