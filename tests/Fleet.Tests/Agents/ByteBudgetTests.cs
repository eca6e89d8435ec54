using Fleet.Agents;
using Fleet.Kernel;

namespace Fleet.Tests.Agents;

public sealed class ByteBudgetTests
{
    private const int Kilobyte = 1 << 10;

    private readonly ByteBudget _budget = new(64 << 20);

    [Fact]
    public void Strangers_that_hold_much_leave_room_for_those_whose_key_comes_in_their_first_bytes()
    {
        var large = Enumerable.Range(0, 4).Select(_ => new ByteBudget.Share(_budget)).ToList();
        foreach (var share in large) share.Take(4_000 * Kilobyte);
        using var late = new ByteBudget.Share(_budget);
        Assert.Throws<ByteBudget.SpentException>(() => late.Take(1_000 * Kilobyte));
        late.Release(1_000 * Kilobyte);
        using var honest = new ByteBudget.Share(_budget);
        honest.Take(90 * Kilobyte);
        honest.MakeKnown();
        honest.Take(10_000 * Kilobyte);
    }

    [Fact]
    public void No_stranger_holds_more_than_an_eighth()
    {
        using var stranger = new ByteBudget.Share(_budget);
        stranger.Take(8 << 20);
        Assert.Throws<TooLargeException>(() => stranger.Take(1));
    }
}
