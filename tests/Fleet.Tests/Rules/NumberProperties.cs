using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Fleet.Rules;

namespace Fleet.Tests.Rules;

public sealed class NumberProperties
{
    [Fact]
    public void Integers_compare_as_integers_do() => Prop.ForAll<long, long>((a, b) =>
        Number.Parse(Text(a))!.Value.CompareTo(Number.Parse(Text(b))!.Value) == a.CompareTo(b)).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_text_is_a_number_or_not_and_never_an_error() => Prop.ForAll<string?>(text =>
    {
        var number = Number.Parse(text);
        return number is null || double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Doubles_are_read_as_they_are_written() => Prop.ForAll<double>(value =>
        !double.IsFinite(value) || Number.Parse(value.ToString("R", CultureInfo.InvariantCulture))!.Value.CompareTo(Number.Parse(value.ToString("E17", CultureInfo.InvariantCulture))!.Value) == 0)
        .QuickCheckThrowOnFailure();

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
