using Fleet.Alerts;

namespace Fleet.Tests.Alerts;

public sealed class LiveRowsTests
{
    private static readonly DateTimeOffset s_at = DateTimeOffset.FromUnixTimeSeconds(1_772_452_800);

    [Fact]
    public void Of_very_many_equal_rows_each_removal_takes_one()
    {
        var live = LiveRows.With([], [.. Enumerable.Range(0, 1_500).Select(i => One(i, s_at))]);
        for (var gone = 0; gone < 1_499; gone++)
        {
            live = LiveRows.Without(live, [One(gone, s_at.AddSeconds(1 + gone))]);
            Assert.NotEmpty(live);
        }

        Assert.Empty(LiveRows.Without(live, [One(1_499, s_at.AddSeconds(9_000))]));
    }

    [Fact]
    public void A_removal_that_is_told_twice_takes_one_row()
    {
        var live = LiveRows.With([], [One(1, s_at), One(2, s_at)]);
        var removal = One(3, s_at.AddSeconds(1));
        var once = LiveRows.Without(live, [removal]);
        Assert.Same(once, LiveRows.Without(once, [removal]));
        Assert.Empty(LiveRows.Without(once, [One(4, s_at.AddSeconds(1))]));
    }

    private static Hit One(int number, DateTimeOffset at) => Hit.OneOf(new string('a', 32), at, $"{number:x16}{0:x16}");
}
