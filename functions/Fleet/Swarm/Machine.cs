using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Fleet.Swarm;

/// <summary>A made-up machine. The same seed and number give the same machine, so that a second run meets the same nodes.</summary>
internal sealed class Machine
{
    private static readonly string[] s_roles = ["web", "db", "build", "mail", "vpn", "ci", "cache", "edge"];
    private static readonly string[] s_people = ["ada", "grace", "linus", "dennis", "barbara", "ken", "radia", "alan", "edsger", "frances"];

    public Machine(int seed, int number)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}/{number}"));
        Number = number;
        Random = new SeededRandom(BitConverter.ToInt32(bytes));
        Uuid = new Guid(bytes.AsSpan(0, 16)).ToString().ToUpperInvariant();
        InstanceId = new Guid(bytes.AsSpan(16, 16)).ToString();
        Platform = (number % 10) switch { < 6 => "linux", < 8 => "darwin", _ => "windows" };
        OsqueryVersion = (number % 4) switch { 0 => "5.12.1", 1 => "5.21.0", _ => "5.23.1" };
        Person = s_people[number % s_people.Length];
        Hostname = Platform switch
        {
            "linux" => $"{s_roles[number % s_roles.Length]}-{number:D4}.example.org",
            "darwin" => $"{Person}-mbp-{number:D4}.lan",
            _ => $"WS-{number:D4}",
        };
        Address = $"10.{(number >> 16) & 255}.{(number >> 8) & 255}.{number & 255}";
    }

    public int Number { get; }

    /// <summary>For values that need not be the same in each run.</summary>
    public Random Random { get; }

    public string Uuid { get; }

    public string InstanceId { get; }

    /// <summary><c>linux</c>, <c>darwin</c> or <c>windows</c>.</summary>
    public string Platform { get; }

    public string OsqueryVersion { get; }

    public string Hostname { get; }

    public string Person { get; }

    public string Address { get; }

    /// <summary>osquery's bitmask, as the text that agents send.</summary>
    public string PlatformType => Platform switch { "linux" => "9", "darwin" => "21", _ => "2" };

    /// <summary>First rows of four tables, all values text; a third of the Linux machines are containers without <c>platform_info</c>.</summary>
    public JsonObject HostDetails()
    {
        var details = new JsonObject { ["os_version"] = OsVersion(), ["osquery_info"] = OsqueryInfo() };
        if (Platform != "linux" || Number % 3 != 0) details["platform_info"] = PlatformInfo();
        details["system_info"] = SystemInfo();
        return details;
    }

    public JsonObject SystemInfo() => new()
    {
        ["computer_name"] = Platform == "darwin" ? $"{Person}’s MacBook Pro" : Hostname,
        ["cpu_brand"] = Platform == "darwin" ? "Apple M3 Pro" : "Intel(R) Xeon(R) W-2235 CPU @ 3.80GHz",
        ["cpu_logical_cores"] = "12",
        ["cpu_physical_cores"] = Platform == "darwin" ? "12" : "6",
        ["cpu_type"] = Platform == "darwin" ? "arm64e" : "x86_64",
        ["hardware_model"] = Platform switch { "darwin" => "Mac15,6", "linux" => "Precision 3640", _ => "ThinkPad T14 Gen 4" },
        ["hardware_serial"] = Uuid[..8],
        ["hardware_vendor"] = Platform switch { "darwin" => "Apple Inc.", "linux" => "Dell Inc.", _ => "LENOVO" },
        ["hostname"] = Hostname,
        ["local_hostname"] = Hostname.Split('.')[0],
        ["physical_memory"] = "34359738368",
        ["uuid"] = Uuid,
    };

    public JsonObject OsVersion() => Platform switch
    {
        "linux" => new() { ["arch"] = "x86_64", ["codename"] = "jammy", ["major"] = "22", ["minor"] = "4", ["name"] = "Ubuntu", ["patch"] = "0", ["platform"] = "ubuntu", ["platform_like"] = "debian", ["version"] = "22.04.5 LTS (Jammy Jellyfish)" },
        "darwin" => new() { ["arch"] = "arm64", ["build"] = "25B78", ["major"] = "26", ["minor"] = "1", ["name"] = "macOS", ["patch"] = "0", ["platform"] = "darwin", ["platform_like"] = "darwin", ["version"] = "26.1" },
        _ => new() { ["arch"] = "64-bit", ["build"] = "26100", ["codename"] = "Microsoft Windows 11 Pro", ["major"] = "10", ["minor"] = "0", ["name"] = "Microsoft Windows 11 Pro", ["patch"] = "", ["platform"] = "windows", ["platform_like"] = "windows", ["version"] = "10.0.26100" },
    };

    public JsonObject OsqueryInfo() => new()
    {
        ["build_distro"] = Platform switch { "linux" => "centos7", "darwin" => "10.14", _ => "10" },
        ["build_platform"] = Platform,
        ["config_hash"] = "",
        ["config_valid"] = "0",
        ["extensions"] = "active",
        ["instance_id"] = InstanceId,
        ["pid"] = "13675",
        ["platform_mask"] = PlatformType,
        ["start_time"] = "1763692171",
        ["uuid"] = Uuid,
        ["version"] = OsqueryVersion,
        ["watcher"] = "370",
    };

    private JsonObject PlatformInfo() => new()
    {
        ["date"] = "08/19/2025",
        ["extra"] = "",
        ["firmware_type"] = Platform == "darwin" ? "iboot" : "uefi",
        ["revision"] = "1.31",
        ["vendor"] = Platform == "darwin" ? "Apple Inc." : "Dell Inc.",
        ["version"] = "1.31.0",
    };

    /// <summary>.NET's own with a seed is not for several at once, and an agent does several things at once.</summary>
    private sealed class SeededRandom(int seed) : Random(seed)
    {
        private readonly Lock _lock = new();

        public override int Next(int maxValue)
        {
            lock (_lock) return base.Next(maxValue);
        }

        public override int Next(int minValue, int maxValue)
        {
            lock (_lock) return base.Next(minValue, maxValue);
        }

        public override double NextDouble()
        {
            lock (_lock) return base.NextDouble();
        }
    }
}
