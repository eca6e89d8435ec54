namespace Fleet.Nodes;

/// <summary>The flags that an osqueryd is started with, a line each.</summary>
internal static class AgentFlags
{
    /// <param name="address">The server's name and port, without a scheme.</param>
    /// <param name="certificates">Where the machine has what the server's certificate is trusted by.</param>
    /// <param name="secret">Where the machine has the enroll secret.</param>
    /// <param name="settings">How machines enroll here.</param>
    public static IReadOnlyList<string> Of(string address, string certificates, string secret, EnrollmentSettings settings) =>
    [
        $"--tls_hostname={address}",
        $"--tls_server_certs={certificates}",
        $"--host_identifier={(settings.UniqueHostIdentifiers ? "uuid" : "hostname")}",
        $"--enroll_secret_path={secret}",
        "--enroll_tls_endpoint=/enroll",
        .. settings.SecretField == "enroll_secret" ? Array.Empty<string>() : [$"--tls_enroll_override={settings.SecretField}"],
        "--config_plugin=tls",
        "--config_tls_endpoint=/config",
        "--config_refresh=60",
        "--config_accelerated_refresh=60",
        "--logger_plugin=tls",
        "--logger_tls_endpoint=/log",
        "--logger_tls_period=10",
        "--logger_tls_compress=true",
        "--tls_accept_gzip=true",
        "--disable_distributed=false",
        "--distributed_plugin=tls",
        "--distributed_interval=10",
        "--distributed_tls_read_endpoint=/distributed/read",
        "--distributed_tls_write_endpoint=/distributed/write",
        "--disable_carver=false",
        "--carver_start_endpoint=/carve/start",
        "--carver_continue_endpoint=/carve/continue",
        "--carver_block_size=2000000",
        "--pack_delimiter=/",
        "--disable_events=false",
    ];
}
