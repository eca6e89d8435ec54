using Fleet.Upkeep;

namespace Fleet.Tests.Upkeep;

public sealed class ChoreTests
{
    [Theory]
    [InlineData(false, 1, 10)]
    [InlineData(false, 30, 30)]
    [InlineData(true, 30, 10)]
    public void Housekeeping_rests_as_long_as_it_worked_and_a_stage_never_does(bool isStage, int took, int rests) => Assert.Equal(
        TimeSpan.FromSeconds(rests), new Chore("c", TimeSpan.FromSeconds(10), _ => ValueTask.CompletedTask, IsStage: isStage).RestAfter(TimeSpan.FromSeconds(took)));
}
