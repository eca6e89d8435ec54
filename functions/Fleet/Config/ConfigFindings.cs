namespace Fleet.Config;

/// <summary>What is done with a query that osquery would not run.</summary>
internal enum AllowInvalid
{
    /// <summary>All of the file or item is refused.</summary>
    No,

    /// <summary>It is kept and not sent to agents.</summary>
    Disabled,

    /// <summary>It is kept and sent to agents all the same: they may have tables that the server does not know.</summary>
    Forced,
}

/// <summary>A statement that was checked.</summary>
/// <param name="MinVersion">The oldest osquery that runs it; null for any.</param>
internal sealed record CheckedSql(string Path, SqlVerdict Verdict, string? MinVersion);

/// <summary>What a pack says of all its queries.</summary>
/// <param name="Platform">See <see cref="Kernel.PlatformFilter"/>.</param>
/// <param name="Version">The oldest osquery that runs it.</param>
internal sealed record PackConditions(string? Platform, string? Version);

/// <summary>What a look at a file or an item found: reasons to refuse it, what there is to say of it, and what of it is left out.</summary>
internal sealed class ConfigFindings(AllowInvalid allow = AllowInvalid.No)
{
    public AllowInvalid Allow => allow;

    /// <summary>Why it is refused.</summary>
    public List<ConfigFault> Faults { get; } = [];

    /// <summary>What osquery ignores or misreads, and what else whoever saves it should know.</summary>
    public List<ConfigFault> Notes { get; } = [];

    /// <summary>Parts that cannot be saved, where the rest is taken all the same.</summary>
    public List<ConfigFault> LeftOut { get; } = [];

    public List<CheckedSql> Statements { get; } = [];

    public void Refuse(string path, string message) => Faults.Add(new(path, message));

    public void Tell(string path, string message) => Notes.Add(new(path, message));

    /// <summary>Refuses a part, or leaves it out if the rest may be taken.</summary>
    public void RefusePart(string path, string message) => (allow == AllowInvalid.No ? Faults : LeftOut).Add(new(path, message));

    /// <summary>Reads a part with findings of its own. One with faults is null: the rest may be taken without it.</summary>
    public T? Part<T>(Func<ConfigFindings, T?> read)
        where T : class
    {
        var own = new ConfigFindings(allow);
        var part = read(own);
        Notes.AddRange(own.Notes);
        Statements.AddRange(own.Statements);
        LeftOut.AddRange(own.LeftOut);
        foreach (var fault in own.Faults) RefusePart(fault.Path, fault.Message);
        return own.Faults.Count == 0 ? part : null;
    }

    /// <exception cref="ConfigRefusedException">There is a reason to refuse it.</exception>
    public void ThrowIfRefused()
    {
        if (Faults.Count > 0) throw new ConfigRefusedException(Faults);
    }
}
