using Fleet.Nodes;
using Fleet.Tests.Support;
using Fleet.Upkeep;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Agents;

public sealed class EnrollRefusalsTests : ApiTest
{
    [Fact]
    public async Task Who_was_refused_and_why_is_listed_told_in_health_and_a_result_for_rules()
    {
        for (var i = 0; i < 3; i++) await Api.AgentAsync("enroll", """{"enroll_secret":"wrong","host_identifier":"stranger"}""");
        await Server.Services.GetRequiredService<TellRefusals>().RunAsync(default);
        await Api.AgentAsync("enroll", """{"enroll_secret":"wrong","host_identifier":"stranger"}""");
        var refused = Assert.Single((await Api.GetAsync("/api/enroll-refusals"))["items"]!.AsArray())!;
        Assert.Equal(("stranger", 4, "127.0.0.1"), ((string?)refused["hostIdentifier"], (int)refused["count"]!, (string?)refused["address"]));
        Assert.Contains("secret", (string?)refused["reason"], StringComparison.Ordinal);
        Assert.Contains("1 machines were refused", (string?)(await Api.GetAsync("/api/health"))["parts"]!.AsArray().Single(one => (string?)one!["name"] == "enrollments")!["detail"], StringComparison.Ordinal);

        await Server.Services.GetRequiredService<TellRefusals>().RunAsync(default);
        await Server.Services.GetRequiredService<Materialize>().DrainAsync(default);
        var told = Assert.Single((await Api.GetAsync("/api/results?query=fleet/enroll_refused"))["items"]!.AsArray())!;
        Assert.Equal(("stranger", "3"), ((string?)told["columns"]!["host_identifier"], (string?)told["columns"]!["count"]));
    }

    [Fact]
    public async Task A_flood_costs_a_bounded_number_of_writes_and_rows()
    {
        await using var world = await World.OpenAsync();
        var refusals = world.Get<EnrollRefusals>();
        for (var minute = 0; minute < 10; minute++)
        {
            for (var i = 0; i < 5_000; i++) refusals.Note("the enroll secret is not known", System.Net.IPAddress.Loopback, $"{minute}-{i}", "osquery/5.23.1");
            world.Tables.Reset();
            await refusals.FlushAsync(TimeSpan.FromHours(1), default);
            Assert.InRange(world.Tables.Writes, 1, 201);
            world.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(50_000, (await refusals.ListAsync(default)).Sum(one => one.Count));
        await refusals.PruneAsync(default);
        Assert.Equal(1_000, (await refusals.ListAsync(default)).Count);
        world.Clock.Advance(TimeSpan.FromDays(8));
        await refusals.PruneAsync(default);
        Assert.Empty(await refusals.ListAsync(default));
    }
}
