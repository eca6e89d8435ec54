using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Fleet.Rules;

/// <summary>What a condition compares with, read once when the rule is compiled.</summary>
internal sealed partial class Operand
{
    private Operand(IReadOnlyList<string> texts) => (Texts, Utf8, Numbers) = (texts, [.. texts.Select(Encoding.UTF8.GetBytes)], [.. texts.Select(Number.Parse)]);

    public static Operand None { get; } = new([]);

    public IReadOnlyList<string> Texts { get; }

    /// <summary><see cref="Texts"/> as UTF-8.</summary>
    public IReadOnlyList<byte[]> Utf8 { get; }

    public IReadOnlyList<Number?> Numbers { get; }

    /// <summary>Instants, for the field <c>timestamp</c>; empty otherwise.</summary>
    public IReadOnlyList<DateTimeOffset> Times { get; private init; } = [];

    /// <summary>For <c>in_cidr</c>.</summary>
    public IReadOnlyList<Network> Networks { get; private init; } = [];

    public Regex? Pattern { get; private init; }

    public string Text => Texts[0];

    public ReadOnlySpan<byte> Bytes => Utf8[0];

    public static Operand Of(IReadOnlyList<string> texts) => new(texts);

    /// <summary>Epoch seconds or ISO 8601.</summary>
    /// <exception cref="FormatException">One of them is neither.</exception>
    public static Operand OfTimes(IReadOnlyList<string> texts) => new(texts) { Times = [.. texts.Select(Time)] };

    /// <exception cref="FormatException">One of them is no network.</exception>
    public static Operand OfNetworks(IReadOnlyList<string> texts) => new(texts) { Networks = [.. texts.Select(Network.Parse)] };

    /// <exception cref="FormatException">It has no digit.</exception>
    public static Operand OfVersion(string text) =>
        text.Any(char.IsAsciiDigit) ? new([text]) : throw new FormatException($"'{text}' is no version: it has no digit.");

    /// <summary>Where a value must be new: <see cref="Operators.OnNode"/> or <see cref="Operators.InFleet"/>.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static Operand OfPlace(string text) =>
        text is Operators.OnNode or Operators.InFleet ? new([text]) : throw new FormatException($"'{text}' is neither '{Operators.OnNode}' (new on this node) nor '{Operators.InFleet}' (new in the fleet).");

    /// <summary>Anchored at the start and case-sensitive, as in Doorman. The engine does not backtrack: no pattern can stall the bus.</summary>
    /// <exception cref="FormatException">It is no regular expression, or needs backtracking.</exception>
    public static Operand OfPattern(string pattern)
    {
        try
        {
            // Python writes named groups (?P<name>…).
            const RegexOptions Options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant;
            var own = pattern.Replace("(?P<", "(?<", StringComparison.Ordinal);

            // Alone first: what closes a group that it did not open is none.
            _ = new Regex(own, Options);
            return new([pattern]) { Pattern = Anchored(own, "") ?? Anchored(own, "\n") };

            // Where white space means nothing, what comes after the pattern may be in a comment of it.
            static Regex? Anchored(string own, string end)
            {
                try
                {
                    return new Regex($@"\A(?:{own}{end})", Options);
                }
                catch (RegexParseException) when (end.Length == 0)
                {
                    return null;
                }
            }
        }
        catch (ArgumentException fault)
        {
            throw new FormatException($"'{pattern}' is no regular expression{(fault is RegexParseException parse ? $": {Words().Replace(parse.Error.ToString(), " $0").Trim().ToLowerInvariant()}" : "")}.", fault);
        }
        catch (NotSupportedException fault)
        {
            throw new FormatException(
                NeedsBacktracking().IsMatch(pattern)
                    ? $"'{pattern}' uses look-around, back-references or another construct that needs backtracking; write it without."
                    : $"'{pattern}' is too large: its repetitions multiply. Write fewer or smaller ones.",
                fault);
        }
    }

    [GeneratedRegex("[A-Z]")]
    private static partial Regex Words();

    [GeneratedRegex(@"\(\?(=|!|<=|<!|>|\()|\\[1-9]|\\k|\\G")]
    private static partial Regex NeedsBacktracking();

    private static DateTimeOffset Time(string text)
    {
        if (Number.Parse(text) is not null && double.Parse(text, CultureInfo.InvariantCulture) is > -62_135_596_800 and < 253_402_300_800 and var seconds)
        {
            return DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        }

        const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, Styles, out var time)
            ? time
            : throw new FormatException($"'{text}' is no time: write epoch seconds or ISO 8601, such as 2026-01-31T12:00:00Z.");
    }
}
