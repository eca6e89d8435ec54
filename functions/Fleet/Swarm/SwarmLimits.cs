using System.Globalization;

namespace Fleet.Swarm;

/// <summary>What keeps a swarm from doing more, in sentences.</summary>
internal static class SwarmLimits
{
    public const string Descriptors = "no file descriptor free for a connection";
    public const string Ports = "no local port free for a connection";
    public const string Memory = "no memory free for a connection";

    private const double Busy = 0.8;

    /// <summary>Descriptors that are not for connections: libraries, the runtime's own, the terminal.</summary>
    private const int KeptDescriptors = 256;
    private const int UsualConnections = 1_000;

    /// <summary>How many connections at once this process may well have.</summary>
    /// <param name="descriptors">The most files it may open, or null where that is not known.</param>
    public static int ConnectionsWithin(int? descriptors) => Math.Min(MostConnectionsWithin(descriptors), UsualConnections);

    /// <summary>How many it can have at all.</summary>
    /// <param name="descriptors">The most files it may open, or null where that is not known.</param>
    public static int MostConnectionsWithin(int? descriptors) => Math.Max((descriptors ?? int.MaxValue) - KeptDescriptors, 1);

    /// <summary>The most files that this process may open, or null where the system does not say.</summary>
    public static int? OpenFiles()
    {
        const string Name = "Max open files";
        if (!File.Exists("/proc/self/limits")) return null;
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return int.TryParse(line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], out var files) ? files : null;
    }

    /// <param name="meter">What was done.</param>
    /// <param name="connections">How many there were at most.</param>
    /// <param name="lines">Lines that an agent wrote before each post.</param>
    /// <param name="processors">The share of the machine's processors that this program used, 0 to 1.</param>
    public static IEnumerable<string> Of(SwarmMeter meter, int connections, int lines, double processors)
    {
        if (lines > SimulatedAgent.MostLines) yield return Text($"Agents wrote {lines:N0} lines before each post, and send {SimulatedAgent.MostLines:N0} in one: the rest waits.");
        if (processors > Busy) yield return Text($"This program used {processors:P0} of this machine's processors: run part of the agents on another machine, or make them ask less often.");
        if (meter.Late > TimeSpan.FromSeconds(0.5)) yield return Text($"Agents acted {meter.Late.TotalSeconds:0.0} s late on average, because this machine was busy.");
        if (meter.Wait > TimeSpan.FromSeconds(0.1))
        {
            yield return Text($"Requests waited {meter.Wait.TotalSeconds:0.00} s on average for one of the {connections:N0} connections: raise --connections, unless the server is what is slow.");
        }

        foreach (var (error, remedy) in s_remedies)
        {
            if (meter.Errors.GetValueOrDefault(error) is > 0 and var count) yield return Text($"{count:N0} requests met {error}: {remedy}.");
        }

        if (meter.LinesPurged > 0) yield return Text($"Agents dropped {meter.LinesPurged:N0} lines, because their buffers were full: more was written than was taken, or buffered_log_max is low.");
    }

    private static readonly Dictionary<string, string> s_remedies = new(StringComparer.Ordinal)
    {
        [Descriptors] = "lower --connections, or raise the limit with ulimit -n",
        [Ports] = "use --keep-alive, or more machines: a closed connection holds its port for a minute",
        [Memory] = "lower --connections",
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
