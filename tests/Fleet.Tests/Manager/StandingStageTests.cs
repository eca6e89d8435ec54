using Fleet.Kernel;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Manager;

public sealed class StandingStageTests : ApiTest
{
    protected override (string Key, string Value)[] Settings => [("Limits:StageStanding", "00:00:00.000001")];

    [Fact]
    public async Task Health_tells_of_a_stage_that_has_work_and_finishes_nothing()
    {
        var stages = Server.Services.GetRequiredService<StageBoard>();
        stages.Came("a stage of the test");
        Assert.Contains("a stage of the test", await DetailAsync(), StringComparison.Ordinal);
        stages.Moved("a stage of the test");
        Assert.DoesNotContain("a stage of the test", await DetailAsync(), StringComparison.Ordinal);

        async Task<string> DetailAsync() => (string)(await Api.GetAsync("/api/health"))["parts"]!.AsArray().Single(part => (string)part!["name"]! == "stages")!["detail"]!;
    }
}
