using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Fleet.Rules;

/// <summary>A number in a rule or a column: sign, decimals and exponent, ASCII digits only. Nothing else is one: no spaces, no hex, no infinity.</summary>
internal readonly record struct Number : IComparable<Number>
{
    private readonly decimal? _exact;
    private readonly double _near;

    private Number(decimal? exact, double near) => (_exact, _near) = (exact, near);

    public static Number? Parse(string? text) => text is null ? null : Parse(Encoding.UTF8.GetBytes(text));

    public static Number? Parse(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text.Length > 400 || !IsNumber(text)) return null;

        // Most are short and whole.
        if (text.Length <= 15 && Utf8Parser.TryParse(text, out long whole, out var used) && used == text.Length) return new(whole, whole);

        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        var near = double.Parse(text, Styles, CultureInfo.InvariantCulture);

        // 28 digits are exact: 64-bit counters and their neighbours are told apart.
        return text.Length <= 28 && !text.ContainsAny((byte)'e', (byte)'E') && decimal.TryParse(text, Styles, CultureInfo.InvariantCulture, out var exact)
            ? new(exact, near)
            : new(null, near);
    }

    public int CompareTo(Number other) =>
        _exact is { } a && other._exact is { } b ? a.CompareTo(b) : _near.CompareTo(other._near);

    private static bool IsNumber(ReadOnlySpan<byte> text)
    {
        var i = text[0] is (byte)'+' or (byte)'-' ? 1 : 0;
        var whole = Digits(text, ref i);
        var decimals = 0;
        if (i < text.Length && text[i] == '.')
        {
            i++;
            decimals = Digits(text, ref i);
        }

        if (whole + decimals == 0) return false;
        if (i == text.Length) return true;
        if (text[i] is not ((byte)'e' or (byte)'E')) return false;
        i++;
        if (i < text.Length && text[i] is (byte)'+' or (byte)'-') i++;
        return Digits(text, ref i) > 0 && i == text.Length;
    }

    private static int Digits(ReadOnlySpan<byte> text, ref int i)
    {
        var start = i;
        while (i < text.Length && text[i] is >= (byte)'0' and <= (byte)'9') i++;
        return i - start;
    }
}
