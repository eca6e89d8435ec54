namespace Fleet.Shared;

/// <summary>A test with a real program that a developer's machine may lack: there it is skipped. Where CI is set it fails, since ./test has installed them all.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsFactAttribute : FactAttribute
{
    public NeedsFactAttribute(string program) => Skip = Programs.ReasonToSkip(program);
}

/// <summary>The same for several cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsTheoryAttribute : TheoryAttribute
{
    public NeedsTheoryAttribute(string program) => Skip = Programs.ReasonToSkip(program);
}

/// <summary>What is installed here.</summary>
internal static class Programs
{
    /// <summary>Null to run the test.</summary>
    public static string? ReasonToSkip(string program) =>
        (File.Exists(program) && (program != Rsyslog.Program || File.Exists(Rsyslog.TlsModule))) || Environment.GetEnvironmentVariable("CI") is { Length: > 0 } ? null : $"{program} is missing: ./test says how to install it";
}
