namespace Fleet.Nodes;

/// <summary>The flags that an osqueryd is started with, a line each, with the reasons between them.</summary>
internal static class AgentFlags
{
    /// <summary>Agents drop lines above 1 MiB unless they are told otherwise: snapshots of installed software may have more.</summary>
    private const int LineBytes = 8 << 20;

    /// <param name="address">The server's name and port, without a scheme.</param>
    /// <param name="certificates">Where the machine has what the server's certificate is trusted by.</param>
    /// <param name="secret">Where the machine has the enroll secret.</param>
    /// <param name="platform">As osquery names it.</param>
    /// <param name="settings">How machines enroll here.</param>
    public static IReadOnlyList<string> Of(string address, string certificates, string secret, string platform, EnrollmentSettings settings) =>
    [
        "# Where the server is, and what its certificate is trusted by.",
        $"--tls_hostname={address}",
        $"--tls_server_certs={certificates}",
        "# How the machine is known, and what lets it in.",
        $"--host_identifier={(settings.UniqueHostIdentifiers ? "uuid" : "hostname")}",
        $"--enroll_secret_path={secret}",
        "--enroll_tls_endpoint=/enroll",
        .. settings.SecretField == "enroll_secret" ? Array.Empty<string>() : [$"--tls_enroll_override={settings.SecretField}"],
        "# The configuration comes from the server, anew each minute; without a refresh it would come once.",
        "--config_plugin=tls",
        "--config_tls_endpoint=/config",
        "--config_refresh=60",
        "--config_accelerated_refresh=60",
        "# Logs go to the server, packed. A line over the size is dropped by the agent: a snapshot is one line.",
        "--logger_plugin=tls",
        "--logger_tls_endpoint=/log",
        "--logger_tls_period=10",
        "--logger_tls_compress=true",
        $"--logger_tls_max_linesize={LineBytes}",
        "--logger_tls_max_lines=1024",
        "--tls_accept_gzip=true",
        "# Questions from the portal: the machine asks for them every ten seconds.",
        "--disable_distributed=false",
        "--distributed_plugin=tls",
        "--distributed_interval=10",
        "--distributed_tls_read_endpoint=/distributed/read",
        "--distributed_tls_write_endpoint=/distributed/write",
        "# Files that a person asks for. The carver is off unless it is switched on here.",
        "--disable_carver=false",
        "--carver_start_endpoint=/carve/start",
        "--carver_continue_endpoint=/carve/continue",
        "--carver_block_size=2000000",
        "# The names of packs' queries in results.",
        "--pack_delimiter=/",
        "# Tables of events, and of changes to the files that the configuration names.",
        "--disable_events=false",
        platform == "windows" ? "--enable_ntfs_event_publisher=true" : "--enable_file_events=true",
    ];
}
