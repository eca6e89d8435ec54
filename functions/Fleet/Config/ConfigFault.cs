namespace Fleet.Config;

/// <summary>What is wrong with something that someone wants to save, and where: <c>queries.users.interval</c>.</summary>
internal sealed record ConfigFault(string Path, string Message);

/// <summary>Something is not saved, for all these reasons.</summary>
internal sealed class ConfigRefusedException(IReadOnlyList<ConfigFault> faults)
    : Exception(string.Join(Environment.NewLine, faults.Select(fault => $"{fault.Path}: {fault.Message}")))
{
    public IReadOnlyList<ConfigFault> Faults => faults;
}
