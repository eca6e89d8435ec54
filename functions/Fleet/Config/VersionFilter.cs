using System.Globalization;

namespace Fleet.Config;

/// <summary>The <c>version</c> of a query or pack: the oldest osquery that runs it.</summary>
internal static class VersionFilter
{
    /// <summary>What to say of a version that osquery misreads; null if there is nothing to say.</summary>
    public static string? NoteOn(string? version) => string.IsNullOrEmpty(version) || version == "null" || Read(version) is not null
        ? null
        : $"osquery reads numbers joined by points here, such as 5.0.1, and runs the query from that version on. It misreads '{version}', so agents may never run it.";

    /// <summary>As a version; null if osquery would not read it as one.</summary>
    public static Version? Read(string? version)
    {
        if (string.IsNullOrEmpty(version)) return null;
        var numbers = new List<int>();
        foreach (var part in version.Split('.'))
        {
            // osquery reads the digits that a part begins with.
            var digits = part.TakeWhile(char.IsAsciiDigit).Count();
            if (!int.TryParse(part.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return null;
            if (numbers.Count < 4) numbers.Add(number);
        }

        while (numbers.Count < 3) numbers.Add(0);
        return new(numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>The later of two.</summary>
    public static string? Later(string? a, string? b) => Read(a) is not { } first ? b : Read(b) is not { } second || first >= second ? a : b;
}
