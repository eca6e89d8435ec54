using Fleet.Kernel;

namespace Fleet.Storage;

/// <summary>Every table, on one page: name, then partition / row.</summary>
internal static class Schema
{
    // The control plane: small, partition "all" / name or id, wholly in memory on every instance.
    public const string All = "all";
    public const string Queries = "Queries";
    public const string Packs = "Packs";
    public const string FilePaths = "FilePaths";
    public const string Options = "Options";
    public const string Rules = "Rules";
    public const string Campaigns = "Campaigns";
    public const string CampaignSchedules = "CampaignSchedules";
    public const string EnrollSecrets = "EnrollSecrets";
    public const string Alerters = "Alerters";
    public const string Mutes = "Mutes";
    public const string Sinks = "Sinks";
    public const string ExtensionTables = "ExtensionTables";

    /// <summary>The change feed: <c>feed</c> / <c>head</c>, or the revision that a change made.</summary>
    public const string Changes = "Changes";

    /// <summary>Shard of 256 / node id: identity, tags, state, captured info.</summary>
    public const string Nodes = "Nodes";

    /// <summary>Two hex digits / digest of an installation, hardware or host identifier: the node that it belongs to.</summary>
    public const string NodeAliases = "NodeAliases";

    /// <summary>Shard / node id: last check-in and address. Flushed in batches, never per request.</summary>
    public const string Seen = "Seen";

    /// <summary>Campaign id / node id: state and rows.</summary>
    public const string Answers = "Answers";

    /// <summary>Minute and shard / node and batch: keys of batches that are not yet in reports, index and node info.</summary>
    public const string Inbox = "Inbox";

    /// <summary><c>all</c> / digest: batches that could not be worked off, and why.</summary>
    public const string Quarantine = "Quarantine";

    /// <summary>Query / node, then its parts: what each node holds now.</summary>
    public const string Reports = "Reports";

    /// <summary><c>all</c> / carve id: what was asked for and what came of it. The bytes are blobs.</summary>
    public const string Carves = "Carves";

    /// <summary><c>all</c> / time, newest first, and digest: messages that were given up, where the bus cannot keep them.</summary>
    public const string DeadLetters = "DeadLetters";

    /// <summary><c>all</c> / chore: when it was last done, and what it must remember.</summary>
    public const string Upkeep = "Upkeep";

    /// <summary>Two hex digits of the alert's id / alert id: alerts that are not resolved, and what time will do to them.</summary>
    public const string OpenAlerts = "OpenAlerts";

    /// <summary>Two hex digits / digest of what alerts have in common: the newest of them.</summary>
    public const string AlertGroups = "AlertGroups";

    /// <summary>Alerter / time and alert: what goes into its next digest.</summary>
    public const string Digests = "Digests";

    /// <summary>Sink / time of the batch and its digest: batches that wait for a sink.</summary>
    public const string SinkQueue = "SinkQueue";

    /// <summary>Sink / batch: what a sink's target would not take.</summary>
    public const string SinkRefused = "SinkRefused";

    /// <summary><c>all</c> / sink: who sends, what came of it, and when it is tried again.</summary>
    public const string SinkStates = "SinkStates";

    /// <summary>Rule / node, or <c>fleet</c>: results that do not come, and the alert that says so.</summary>
    public const string Absences = "Absences";

    /// <summary><c>all</c> / digest of who and why: machines that were refused at enrollment.</summary>
    public const string EnrollRefusals = "EnrollRefusals";

    /// <summary><c>all</c> / name.</summary>
    public const string Users = "Users";

    /// <summary>User / id of the session.</summary>
    public const string Sessions = "Sessions";

    /// <summary>Kind and name of the item / time, newest first: what people made of it.</summary>
    public const string History = "History";

    /// <summary><c>all</c> / hash of the token.</summary>
    public const string Tokens = "Tokens";

    /// <summary>Node / time and hash, newest first: one row group a batch of result lines.</summary>
    public static string Results(DateTimeOffset time) => ResultsPrefix + TimeKey.Week(time);

    /// <summary>Node / time and hash, newest first: one row group a batch of status lines.</summary>
    public static string StatusLogs(DateTimeOffset time) => StatusLogsPrefix + TimeKey.Week(time);

    /// <summary>Query and hour, newest first / time, node and hash: pointers to batches.</summary>
    public static string ResultIndex(DateTimeOffset time) => ResultIndexPrefix + TimeKey.Week(time);

    /// <summary>Day, newest first / time and id, newest first.</summary>
    public static string Alerts(DateTimeOffset time) => AlertsPrefix + TimeKey.Month(time);

    /// <summary>Two hex digits of the alert's id / alert id: where the alert lies.</summary>
    public static string AlertIds(DateTimeOffset time) => AlertIdsPrefix + TimeKey.Month(time);

    /// <summary>Alert id / time, newest first: what became of it, and by whom.</summary>
    public static string AlertEvents(DateTimeOffset time) => AlertEventsPrefix + TimeKey.Month(time);

    /// <summary>Two hex digits / digest of rule, column and value: the line that brought the value first.</summary>
    public static string FirstSeen(DateTimeOffset time) => FirstSeenPrefix + TimeKey.Month(time);

    /// <summary>Rule and what it counts together / time, newest first, and batch: when rows matched.</summary>
    public static string Matches(DateTimeOffset time) => MatchesPrefix + TimeKey.Week(time);

    /// <summary>Day / hour and instance: check-ins, lines and alerts, counted.</summary>
    public static string Activity(DateTimeOffset time) => ActivityPrefix + TimeKey.Month(time);

    /// <summary><c>all</c> / digest of the query's name or SQL: what it cost machines in a month.</summary>
    public static string QueryCosts(DateTimeOffset time) => QueryCostsPrefix + TimeKey.Month(time);

    /// <summary>Day, newest first / time, newest first, and request: what people did. Rows are only ever added.</summary>
    public static string Audit(DateTimeOffset time) => AuditPrefix + TimeKey.Month(time);

    public const string AlertEventsPrefix = "AlertEvents";
    public const string FirstSeenPrefix = "FirstSeen";
    public const string MatchesPrefix = "Matches";
    public const string ActivityPrefix = "Activity";
    public const string QueryCostsPrefix = "QueryCosts";
    public const string AuditPrefix = "Audit";
    public const string ResultsPrefix = "Results";
    public const string StatusLogsPrefix = "StatusLogs";
    public const string ResultIndexPrefix = "ResultIndex";
    public const string AlertsPrefix = "Alerts";
    public const string AlertIdsPrefix = "AlertIds";
}
