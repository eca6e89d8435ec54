using System.Globalization;

namespace Fleet.Kernel;

/// <summary>Times as parts of keys and of table names.</summary>
internal static class TimeKey
{
    /// <summary>Nineteen digits that sort newest first.</summary>
    public static string NewestFirst(DateTimeOffset time) =>
        (DateTime.MaxValue.Ticks - time.UtcTicks).ToString("D19", CultureInfo.InvariantCulture);

    /// <summary>The time in a key made by <see cref="NewestFirst"/>.</summary>
    public static DateTimeOffset Read(ReadOnlySpan<char> key) =>
        new(DateTime.MaxValue.Ticks - long.Parse(key[..19], CultureInfo.InvariantCulture), TimeSpan.Zero);

    /// <summary>The start of the hour that a time is in.</summary>
    public static DateTimeOffset Hour(DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerHour), TimeSpan.Zero);

    /// <summary>ISO week, <c>yyyyww</c>.</summary>
    public static string Week(DateTimeOffset time) => string.Create(CultureInfo.InvariantCulture,
        $"{ISOWeek.GetYear(time.UtcDateTime):D4}{ISOWeek.GetWeekOfYear(time.UtcDateTime):D2}");

    /// <summary>The first instant after the week that <see cref="Week"/> named.</summary>
    public static DateTimeOffset WeekEnd(string week) => new(
        ISOWeek.ToDateTime(
            int.Parse(week.AsSpan(0, 4), CultureInfo.InvariantCulture),
            int.Parse(week.AsSpan(4, 2), CultureInfo.InvariantCulture),
            DayOfWeek.Monday).AddDays(7), TimeSpan.Zero);

    /// <summary><c>yyyymm</c>.</summary>
    public static string Month(DateTimeOffset time) => time.UtcDateTime.ToString("yyyyMM", CultureInfo.InvariantCulture);

    /// <summary><c>yyyymmdd</c>, counted backwards so that the newest day sorts first.</summary>
    public static string DayNewestFirst(DateTimeOffset time) =>
        (99999999 - int.Parse(time.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture))
            .ToString("D8", CultureInfo.InvariantCulture);

    /// <summary><c>yyyymmddhh</c>, counted backwards so that the newest hour sorts first.</summary>
    public static string HourNewestFirst(DateTimeOffset time) =>
        (9999999999 - long.Parse(time.UtcDateTime.ToString("yyyyMMddHH", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture))
            .ToString("D10", CultureInfo.InvariantCulture);

    /// <summary>The hour in a key made by <see cref="HourNewestFirst"/>.</summary>
    public static DateTimeOffset ReadHour(ReadOnlySpan<char> key) => DateTimeOffset.ParseExact(
        (9999999999 - long.Parse(key[..10], CultureInfo.InvariantCulture)).ToString("D10", CultureInfo.InvariantCulture), "yyyyMMddHH",
        CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
