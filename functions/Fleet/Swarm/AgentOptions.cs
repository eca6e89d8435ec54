namespace Fleet.Swarm;

/// <summary>How an agent is started: osqueryd's flags. Options of the configuration that it is given outweigh them.</summary>
/// <param name="EventFormat"><c>logger_event_type</c>: a line for each row, or one with added and removed.</param>
/// <param name="Compress"><c>logger_tls_compress</c>.</param>
/// <param name="HostIdentifier"><c>host_identifier</c>: uuid, hostname or instance.</param>
/// <param name="BufferedLogMax"><c>buffered_log_max</c>: more lines than these are dropped, the oldest first.</param>
internal sealed record AgentOptions(
    string Secret, bool EventFormat = true, bool Compress = false, TimeSpan? ConfigRefresh = null, TimeSpan? LogPeriod = null, TimeSpan? DistributedInterval = null,
    double Pace = 1, int EnrollAttempts = 12, string HostIdentifier = "uuid", int BufferedLogMax = 1_000_000)
{
    public TimeSpan ConfigEvery => ConfigRefresh ?? TimeSpan.FromSeconds(60);

    public TimeSpan LogEvery => LogPeriod ?? TimeSpan.FromSeconds(10);

    public TimeSpan DistributedEvery => DistributedInterval ?? TimeSpan.FromSeconds(10);
}
