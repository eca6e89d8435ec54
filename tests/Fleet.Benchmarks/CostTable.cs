using Fleet.Shared;

namespace Fleet.Benchmarks;

/// <summary>Prints what each call costs in operations.</summary>
internal static class CostTable
{
    public static async Task RunAsync()
    {
        Console.WriteLine($"{"",-40}{"table reads",12}{"table writes",14}{"bus sends",11}");
        foreach (var cost in await CallCosts.MeasureAsync()) Console.WriteLine(FormattableString.Invariant($"{cost.Call,-40}{cost.Reads,12}{cost.Writes,14}{cost.Sends,11}"));
    }
}
