namespace Fleet.Rules;

/// <summary>What is left of a rule's tree when a row has answered all that it can: conditions that ask what was seen before.</summary>
internal abstract record Residue
{
    private Residue()
    {
    }

    /// <summary>Whether it holds. What was seen before is asked only as far as it decides.</summary>
    /// <param name="isFirst">Says of a condition and a value whether it is seen for the first time.</param>
    public abstract ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst);

    public sealed record Known(bool Verdict) : Residue
    {
        public override ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst) => new(Verdict);
    }

    public sealed record Ask(Condition Condition, string Value) : Residue
    {
        public override ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst) => isFirst(Condition, Value);
    }

    public sealed record Group(bool IsAnd, bool IsNegated, IReadOnlyList<Residue> Children) : Residue
    {
        public override async ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst)
        {
            // What is known first: it may save the asking.
            foreach (var child in Children.OrderBy(child => child is not Known))
            {
                if (await child.HoldsAsync(isFirst) != IsAnd) return !IsAnd != IsNegated;
            }

            return IsAnd != IsNegated;
        }
    }
}
