using System.Globalization;

namespace Fleet.Results;

/// <summary>A line's <c>calendarTime</c>: as osquery writes it (<c>Tue Nov  5 06:08:26 2019 UTC</c>), as others do (without weekday or zone, or ISO 8601), and with a weekday that is wrong.</summary>
internal static class CalendarTime
{
    private const DateTimeStyles Styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces;

    private static readonly string[] s_forms = ["MMM d HH:mm:ss yyyy", "MMM d HH:mm:ss yyyy 'UTC'", "MMM d HH:mm:ss yyyy 'GMT'", "MMM d HH:mm:ss yyyy 'Z'", "MMM d HH:mm:ss yyyy zzz", "MMM d HH:mm:ss yyyy zz"];
    private static readonly string[] s_days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

    /// <returns>Null if it is no time. One without a zone is UTC.</returns>
    public static DateTimeOffset? Read(string text)
    {
        // The weekday says nothing that the date does not.
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var date = string.Join(' ', words is [var day, _, ..] && s_days.Contains(day.TrimEnd(','), StringComparer.OrdinalIgnoreCase) ? words[1..] : words);
        return DateTimeOffset.TryParseExact(date, s_forms, CultureInfo.InvariantCulture, Styles, out var time) || DateTimeOffset.TryParse(date, CultureInfo.InvariantCulture, Styles, out time)
            ? time
            : null;
    }
}
