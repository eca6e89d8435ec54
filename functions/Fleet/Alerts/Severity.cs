namespace Fleet.Alerts;

/// <summary>How bad it is, from <c>info</c> to <c>critical</c>.</summary>
internal static class Severity
{
    public static IReadOnlyList<string> Names { get; } = ["info", "low", "medium", "high", "critical"];

    /// <summary>0 for <c>info</c> to 4 for <c>critical</c>.</summary>
    public static int RankOf(string severity)
    {
        for (var rank = 0; rank < Names.Count; rank++)
        {
            if (Names[rank] == severity) return rank;
        }

        return 0;
    }
}
