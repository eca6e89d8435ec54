using System.Globalization;

namespace Fleet.Kernel;

/// <summary>Spans of time as people write them: <c>30s</c>, <c>5m</c>, <c>12h</c>, <c>90d</c>, or .NET's <c>1.02:03:04</c>.</summary>
internal static class Duration
{
    public static bool TryParse(string? text, out TimeSpan span)
    {
        span = default;
        if (string.IsNullOrEmpty(text)) return false;
        var unit = text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3_600, 'd' => 86_400, _ => 0 };
        if (unit == 0) return text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out span) && span >= TimeSpan.Zero;
        if (!double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number * unit > 1e9) return false;
        span = TimeSpan.FromSeconds(number * unit);
        return true;
    }

    /// <summary>As people write it, in the largest unit that is whole; null for null.</summary>
    public static string? Text(TimeSpan? span) => span is not { } time ? null
        : time.Ticks % TimeSpan.TicksPerDay == 0 && time > TimeSpan.Zero ? FormattableString.Invariant($"{time.TotalDays}d")
        : time.Ticks % TimeSpan.TicksPerHour == 0 && time > TimeSpan.Zero ? FormattableString.Invariant($"{time.TotalHours}h")
        : time.Ticks % TimeSpan.TicksPerMinute == 0 && time > TimeSpan.Zero ? FormattableString.Invariant($"{time.TotalMinutes}m")
        : FormattableString.Invariant($"{time.TotalSeconds}s");
}
