using Fleet.Nodes;
using Fleet.Results;

namespace Fleet.Upkeep;

/// <summary>Writes down who was refused at enrollment, and tells rules of it: of the same machine with the same words once an hour.</summary>
internal sealed class TellRefusals(EnrollRefusals refusals, BuiltInResults results)
{
    private static readonly TimeSpan s_again = TimeSpan.FromHours(1);

    public async ValueTask RunAsync(CancellationToken ct)
    {
        foreach (var refusal in await refusals.FlushAsync(s_again, ct)) await results.RaiseRefusedAsync(refusal, ct);
    }
}
