using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fleet.Swarm;

/// <summary>Rows that a made-up machine answers a query with: believable for the tables that osquery's packs ask, made up from column names for others.</summary>
internal static partial class FakeRows
{
    private static readonly Dictionary<string, string[]> s_columns = new(StringComparer.OrdinalIgnoreCase)
    {
        ["apps"] = ["name", "path", "bundle_identifier", "bundle_short_version"],
        ["arp_cache"] = ["address", "mac", "interface", "permanent"],
        ["chrome_extensions"] = ["uid", "name", "identifier", "version", "path"],
        ["crontab"] = ["event", "minute", "hour", "command", "path"],
        ["deb_packages"] = ["name", "version", "arch", "status"],
        ["disk_encryption"] = ["name", "uuid", "encrypted", "type"],
        ["etc_hosts"] = ["address", "hostnames"],
        ["file_events"] = ["target_path", "category", "action", "time", "uid", "sha256"],
        ["interface_addresses"] = ["interface", "address", "mask"],
        ["interface_details"] = ["interface", "mac", "type", "mtu"],
        ["iptables"] = ["chain", "policy", "src_ip", "dst_ip"],
        ["kernel_info"] = ["version", "arguments", "path", "device"],
        ["kernel_modules"] = ["name", "size", "status"],
        ["last"] = ["username", "tty", "pid", "time", "host"],
        ["launchd"] = ["path", "name", "label", "program_arguments", "run_at_load"],
        ["listening_ports"] = ["pid", "port", "protocol", "address", "path"],
        ["logged_in_users"] = ["type", "user", "host", "time", "pid"],
        ["mounts"] = ["device", "path", "type", "flags"],
        ["open_sockets"] = ["pid", "remote_address", "remote_port"],
        ["patches"] = ["hotfix_id", "description", "installed_on"],
        ["process_events"] = ["pid", "path", "cmdline", "uid", "parent", "time"],
        ["process_open_sockets"] = ["pid", "local_address", "local_port", "remote_address", "remote_port"],
        ["processes"] = ["pid", "name", "path", "cmdline", "uid", "on_disk"],
        ["programs"] = ["name", "version", "publisher", "install_date"],
        ["registry"] = ["key", "name", "type", "data"],
        ["rpm_packages"] = ["name", "version", "release", "arch"],
        ["services"] = ["name", "display_name", "status", "start_type", "path"],
        ["shell_history"] = ["uid", "username", "command", "time"],
        ["startup_items"] = ["name", "path", "status"],
        ["sudoers"] = ["source", "header", "rule_details"],
        ["suid_bin"] = ["path", "username", "groupname", "permissions"],
        ["time"] = ["hour", "minutes", "seconds", "unix_time"],
        ["uptime"] = ["days", "hours", "minutes", "seconds", "total_seconds"],
        ["usb_devices"] = ["vendor", "model", "serial", "removable"],
        ["users"] = ["uid", "gid", "username", "description", "directory", "shell"],
    };

    private static readonly string[] s_programs = ["sshd", "nginx", "postgres", "bash", "python3", "chrome", "systemd", "dockerd", "cron", "node"];

    /// <summary>Whether osquery would know every table that the statement names, as far as one can tell without a schema.</summary>
    public static string? MissingTable(string sql) =>
        Table().Matches(sql).Select(match => match.Groups[1].Value).FirstOrDefault(table => table.StartsWith("no_such", StringComparison.OrdinalIgnoreCase) || table == "does_not_exist");

    /// <summary>The rows, at most <paramref name="most"/>.</summary>
    public static List<JsonObject> Of(Machine machine, string sql, int most, DateTimeOffset now)
    {
        var match = Table().Match(sql);
        var table = match.Success ? match.Groups[1].Value : "";
        switch (table.ToLowerInvariant())
        {
            case "system_info": return [machine.SystemInfo()];
            case "os_version": return [machine.OsVersion()];
            case "osquery_info": return [machine.OsqueryInfo()];
        }

        var columns = s_columns.GetValueOrDefault(table) ?? Selected(sql);
        var count = table is "time" or "uptime" or "kernel_info" or "" ? 1 : Math.Min(most, 1 + machine.Random.Next(5));
        var rows = new List<JsonObject>();
        for (var i = 0; i < count; i++)
        {
            var row = new JsonObject();
            var program = s_programs[machine.Random.Next(s_programs.Length)];
            foreach (var column in columns) row[column] = Value(machine, column, program, i, now);
            rows.Add(row);
        }

        return rows;
    }

    private static string[] Selected(string sql)
    {
        var list = SelectList().Match(sql).Groups[1].Value;
        var names = Name().Matches(list).Select(match => match.Value).Where(name => name.Length < 40).Distinct(StringComparer.OrdinalIgnoreCase).Take(12).ToArray();
        return names.Length > 0 ? names : ["name", "path"];
    }

    private static string Value(Machine machine, string column, string program, int i, DateTimeOffset now) => column.ToLowerInvariant() switch
    {
        "pid" or "parent" => machine.Random.Next(300, 32_000).ToString(CultureInfo.InvariantCulture),
        "uid" or "gid" => i == 0 ? "0" : (1_000 + i).ToString(CultureInfo.InvariantCulture),
        "name" or "display_name" or "label" => program,
        "path" or "target_path" or "program_arguments" or "source" => machine.Platform == "windows" ? $@"C:\Program Files\{program}\{program}.exe" : $"/usr/bin/{program}",
        "cmdline" or "command" => machine.Platform == "windows" ? $"{program}.exe /config {program}.ini" : $"/usr/bin/{program} --config /etc/{program}.conf",
        "username" or "user" => i == 0 ? "root" : machine.Person,
        "port" or "local_port" => (8_000 + i).ToString(CultureInfo.InvariantCulture),
        "remote_port" => "443",
        "protocol" => "6",
        "address" or "local_address" => machine.Address,
        "remote_address" or "host" or "src_ip" or "dst_ip" => $"203.0.113.{machine.Random.Next(1, 254)}",
        "mac" => $"02:00:00:{machine.Number >> 8 & 255:x2}:{machine.Number & 255:x2}:{i:x2}",
        "interface" => $"en{i}",
        "version" or "bundle_short_version" or "release" => $"{1 + i}.{machine.Random.Next(20)}.{machine.Random.Next(10)}",
        "time" or "unix_time" or "start_time" or "installed_on" or "mtime" => now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
        "hour" or "hours" => now.Hour.ToString(CultureInfo.InvariantCulture),
        "minutes" or "minute" => now.Minute.ToString(CultureInfo.InvariantCulture),
        "seconds" => now.Second.ToString(CultureInfo.InvariantCulture),
        "total_seconds" or "size" => machine.Random.Next(10_000, 900_000).ToString(CultureInfo.InvariantCulture),
        "days" => machine.Random.Next(1, 90).ToString(CultureInfo.InvariantCulture),
        "on_disk" or "removable" or "encrypted" or "enabled" or "status" or "count" or "permanent" => "1",
        "sha256" => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([(byte)i, (byte)machine.Number])),
        "directory" => $"/home/{machine.Person}",
        "shell" => "/bin/bash",
        "vendor" or "publisher" => "Example Corp.",
        "action" => "UPDATED",
        "category" => "etc",
        _ => $"{column}-{i}",
    };

    [GeneratedRegex(@"\bfrom\s+[`""\[]?(\w+)", RegexOptions.IgnoreCase)]
    private static partial Regex Table();

    [GeneratedRegex(@"select\s+(?:distinct\s+)?(.*?)(?:\bfrom\b|;|$)", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex SelectList();

    [GeneratedRegex(@"[A-Za-z_]\w*(?=\s*(?:,|$))", RegexOptions.Multiline)]
    private static partial Regex Name();
}
