using System.Globalization;

namespace Fleet.Benchmarks;

/// <summary>A control group of Linux whose processes share a limit of memory, as a container's do.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup";

    private readonly string _folder;
    private readonly bool _isSecond;

    /// <param name="bytes">More than this, and the kernel ends them.</param>
    /// <exception cref="UnauthorizedAccessException">Control groups are made by root.</exception>
    public MemoryGroup(long bytes)
    {
        _isSecond = File.Exists($"{Root}/cgroup.controllers");
        _folder = Directory.CreateDirectory(Path.Combine(Root, _isSecond ? "" : "memory", $"fleet-bench-{Environment.ProcessId}")).FullName;
        File.WriteAllText(In(_isSecond ? "memory.max" : "memory.limit_in_bytes"), bytes.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>What a process writes its number to, to be in the group.</summary>
    public string Members => In("cgroup.procs");

    /// <summary>The most that the group had at once: processes' own memory, and the pages of files that they wrote and read.</summary>
    public long Peak => long.Parse(File.ReadAllText(In(_isSecond ? "memory.peak" : "memory.max_usage_in_bytes")), CultureInfo.InvariantCulture);

    public void Dispose() => Directory.Delete(_folder);

    private string In(string file) => Path.Combine(_folder, file);
}
