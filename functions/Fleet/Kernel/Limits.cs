namespace Fleet.Kernel;

/// <summary>Every size, time and count limit, with its unit and reason. Each but the constants is set by <c>Fleet__Limits__NAME</c>.</summary>
/// <remarks>Sizes are bytes. Limits of Table Storage itself are in <c>Storage/TableLimits.cs</c>: they cannot be set.</remarks>
internal sealed record Limits
{
    public static Limits Default { get; } = new();

    /// <summary>Bytes of a log post or of distributed answers over the wire. An agent's usual batch is under 5 MB; its 16 s timer caps
    /// the worst, which a machine could send at 130 Mbit/s.</summary>
    public int AgentBodyBytes { get; init; } = 256 << 20;

    /// <summary>Bytes of the other calls' bodies, over the wire and inflated: the largest is an enrollment with its host details, some 4 kB.</summary>
    public int SmallBodyBytes { get; init; } = 1 << 20;

    /// <summary>Bytes that a gzip log may inflate to: half of an agent's worst batch, 1,024 lines of 1 MiB. A bomb stops here.</summary>
    public int InflatedBodyBytes { get; init; } = 512 << 20;

    /// <summary>Bytes that agents' bodies take at once: as they arrive, inflated, and packed to be stored. At most a tenth of the machine's or container's memory.
    /// Beyond it agents are told to come back, and keep their logs. One body may have three eighths of it.</summary>
    public long BodyBytesInFlight { get; init; } = 1L << 30;

    /// <summary>How long an agent's body may take to arrive: the agent gives up after 16 s.</summary>
    public TimeSpan BodyTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an agent waits for what its body called for, which goes on then; the agent is told to come back. It would give up by itself after 16 s,
    /// connecting and sending included.</summary>
    public TimeSpan AnswerTime { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>How long a request's headers may take to arrive, and TLS to be agreed on. Then the connection is closed without a word.</summary>
    public TimeSpan HeaderTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections at once; unless it is set, what the process's limit of descriptors leaves.</summary>
    public int Connections { get; init; }

    /// <summary>Connections of one address at once, or of one IPv6 network of 64 bits; unless it is set, a quarter of all. Trusted proxies have no such limit.</summary>
    public int ConnectionsPerAddress { get; init; }

    /// <summary>Characters of a query's name in a line. osquery's are a pack's and a query's together.</summary>
    public const int LineNameCharacters = 1_000;

    /// <summary>Different queries that a batch's head lists, and its index has pointers for. An agent's 1,024 lines rarely name a hundred.</summary>
    public const int NamesInBatch = 1_000;

    /// <summary>Characters of a captured column that are kept as node info.</summary>
    public const int InfoCharacters = 1_000;

    /// <summary>Bytes of a person's or script's request: a pack of a thousand queries is under 1 MB.</summary>
    public int ManagerBodyBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of a configuration. Agents up to osquery 5.23 refuse more than 1 MiB, and then run with no schedule.</summary>
    public int ConfigBytes { get; init; } = (1 << 20) - 1;

    /// <summary>The same for agents newer than 5.23.</summary>
    public int LargeConfigBytes { get; init; } = (4 << 20) - 1;

    /// <summary>Writes that wait for the embedded store's next commit. Beyond it callers are told to come back.</summary>
    public int QueuedWrites { get; init; } = 20_000;

    /// <summary>How old the change feed's head may be when a request is answered.</summary>
    public TimeSpan ChangeFeedAge { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the change feed keeps entries. An instance that slept longer reloads everything.</summary>
    public TimeSpan ChangeFeedKept { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How often last check-ins are written. Each flush is one batch per 100 nodes of a shard.</summary>
    public TimeSpan SeenFlush { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long an issued enrollment tag list may be: Doorman's limit.</summary>
    public int TagsPerSecret { get; init; } = 10;

    /// <summary>Characters of a tag, a query's, pack's, category's or alerter's name.</summary>
    public int NameCharacters { get; init; } = 200;

    /// <summary>Tags of one node or of one item.</summary>
    public int TagsPerItem { get; init; } = 100;

    /// <summary>Characters of one query's SQL. Agents take any length; the longest public query has 35,480.</summary>
    public int SqlCharacters { get; init; } = 1_000_000;

    /// <summary>How long SQLite may take to understand one statement: the longest query of the public packs takes 20 ms.</summary>
    public TimeSpan SqlCheckTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long it may take to understand all statements of one request, or all views of the configurations: a file may hold thousands of them.</summary>
    public TimeSpan SqlRequestTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that SQLite may take to understand one statement: common table expressions expand, 2 kB of them to hundreds of MB.</summary>
    public int SqlCheckBytes { get; init; } = 32 << 20;

    /// <summary>How long a stage may have work and finish nothing before health tells of it.</summary>
    public TimeSpan StageStanding { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a write may take, its waiting in the queue among it: an agent gives up after 16 s.</summary>
    public TimeSpan WritePatience { get; init; } = TimeSpan.FromSeconds(9);

    /// <summary>Rows that a report holds for one node and query. Event tables only ever add, so theirs would grow for ever.</summary>
    public int ReportRows { get; init; } = 10_000;

    /// <summary>Bytes of one node's rows for one distributed query, as JSON. More is stored as FAILED with the reason.</summary>
    public int AnswerBytes { get; init; } = 16 << 20;

    /// <summary>How long an agent may take over a distributed query before it is offered again.</summary>
    public TimeSpan AnswerLease { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often a question is offered to a node that does not answer it: each time it has twice as long as before.</summary>
    public int Offers { get; init; } = 4;

    /// <summary>How long a campaign runs when nothing is said.</summary>
    public TimeSpan CampaignLife { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Campaigns that may be active at once: every one costs memory for the nodes it is offered to.</summary>
    public int ActiveCampaigns { get; init; } = 200;

    /// <summary>Questions that are asked again and again.</summary>
    public int CampaignSchedules { get; init; } = 200;

    /// <summary>Seconds of quick polling that a node with something to do is asked for.</summary>
    public int AccelerateSeconds { get; init; } = 60;

    /// <summary>Bytes of one carve, as the node announces them: what a disk image of a small partition takes.</summary>
    public long CarveBytes { get; init; } = 8L << 30;

    /// <summary>Bytes of all carves that are kept at once. Beyond it new ones are refused until some are deleted.</summary>
    public long CarvesBytes { get; init; } = 100L << 30;

    /// <summary>Blocks of one carve: what a block blob holds. osquery's own blocks of 8 kB reach 400 MB with it.</summary>
    public const int CarveBlocks = 50_000;

    /// <summary>Carves of one node that are under way at once. osquery sends them one after another; some are given up on the way.</summary>
    public int OpenCarves { get; init; } = 8;

    /// <summary>How long a carve may take to arrive. osquery never goes on with one that it gave up.</summary>
    public TimeSpan CarveLife { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a carve may take before its node is asked what became of it.</summary>
    public TimeSpan CarveInquiry { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Names that a listing of a carve holds.</summary>
    public int CarveNames { get; init; } = 10_000;

    /// <summary>Nesting of a rule's groups.</summary>
    public int RuleDepth { get; init; } = 20;

    /// <summary>Conditions in one rule.</summary>
    public int RuleConditions { get; init; } = 1_000;

    /// <summary>Characters of one rule's conditions, as JSON: every rule is in memory on every instance.</summary>
    public int RuleCharacters { get; init; } = 200_000;

    /// <summary>How long an alerter may take over one alert.</summary>
    public TimeSpan AlerterTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a sink may take over one batch of lines.</summary>
    public TimeSpan SinkTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of lines that a sink is sent at once, before they are packed: what Event Hubs and Azure Monitor take is 1 MB.</summary>
    public int SinkBytes { get; init; } = 900_000;

    /// <summary>Lines that a sink is sent at once: what Datadog takes.</summary>
    public int SinkLines { get; init; } = 1_000;

    /// <summary>The shortest time that an absence, a group, an escalation or a digest is given: what watches them looks no more often.</summary>
    public TimeSpan ShortestSpan { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Alerts of one rule about one node in a minute. What is more is counted by one alert.</summary>
    public int AlertsPerMinute { get; init; } = 100;

    /// <summary>How often is looked whether alerts are to be escalated, reminded of or resolved, and digests due.</summary>
    public TimeSpan AlertsLook { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How often is looked for what does not come.</summary>
    public TimeSpan AbsenceLook { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Deliveries of one message before it becomes a dead letter: Service Bus's default too.</summary>
    public int Deliveries { get; init; } = 10;

    /// <summary>The same for telling an alerter of an alert: with <see cref="RetryMost"/> between them somewhat over a day. Times when the alerter was known to be down do not count.</summary>
    public int AlertDeliveries { get; init; } = 110;

    /// <summary>The wait before a failed message is delivered again; it doubles each time, up to <see cref="RetryMost"/>.</summary>
    public TimeSpan RetryFirst { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest wait between two deliveries.</summary>
    public TimeSpan RetryMost { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How long a subscriber holds a message before another instance may take it.</summary>
    public TimeSpan MessageLock { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Calls of the REST API in a minute by one account or token: a portal with several open pages makes some hundreds.</summary>
    public int CallsPerMinute { get; init; } = 3_000;

    /// <summary>The same for an address that has not signed in.</summary>
    public int StrangersCallsPerMinute { get; init; } = 300;

    /// <summary>Entries of a page when the caller does not say.</summary>
    public int PageDefault { get; init; } = 100;

    /// <summary>Entries of a page at most: Table Storage's own limit.</summary>
    public int PageMost { get; init; } = 1_000;

    /// <summary>The wait after this many deliveries.</summary>
    public TimeSpan BackOff(int deliveries) => TimeSpan.FromTicks((long)Math.Min(RetryMost.Ticks, RetryFirst.Ticks * Math.Pow(2, deliveries - 1)));
}
