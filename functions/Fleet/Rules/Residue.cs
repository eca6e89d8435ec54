namespace Fleet.Rules;

/// <summary>A rule's tree when a row has answered all that it can: what is left are conditions that ask what was seen before.</summary>
internal abstract record Residue
{
    private Residue()
    {
    }

    /// <summary>Whether it holds, where that is known without asking.</summary>
    public abstract bool? Verdict { get; }

    /// <summary>Whether it holds. All is asked, whether it decides or not, for what is asked is remembered; but for what other conditions of an AND rule out.</summary>
    /// <param name="isFirst">Says of a condition and a value whether it is seen for the first time, and remembers it.</param>
    public abstract ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst);

    public sealed record Known(bool Holds) : Residue
    {
        public override bool? Verdict => Holds;

        public override ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst) => new(Holds);
    }

    public sealed record Ask(Condition Condition, string Value) : Residue
    {
        public override bool? Verdict => null;

        public override ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst) => isFirst(Condition, Value);
    }

    public sealed record Group(bool IsAnd, bool IsNegated, IReadOnlyList<Residue> Children) : Residue
    {
        public override bool? Verdict =>
            Children.Any(child => child.Verdict == !IsAnd) ? !IsAnd != IsNegated
            : Children.All(child => child.Verdict is not null) ? IsAnd != IsNegated
            : null;

        public override async ValueTask<bool> HoldsAsync(Func<Condition, string, ValueTask<bool>> isFirst)
        {
            if (IsAnd && Children.Any(child => child.Verdict == false)) return IsNegated;
            var holds = IsAnd;
            foreach (var child in Children)
            {
                if (await child.HoldsAsync(isFirst) != IsAnd) holds = !IsAnd;
            }

            return holds != IsNegated;
        }
    }
}
