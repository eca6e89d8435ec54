using Azure.Core;
using Fleet.Agents;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Carves;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Results;
using Fleet.Rules;
using Fleet.Sinks;
using Fleet.Storage;
using Fleet.Upkeep;

namespace Fleet.Hosting;

/// <summary>What is made of what.</summary>
internal static class Rooms
{
    public static IServiceCollection AddRooms(this IServiceCollection services, Settings settings) => services
        .AddSingleton(settings)
        .AddSingleton(settings.Limits)
        .AddSingleton(settings.Enroll).AddSingleton(_ => Certificates.Own(settings, new(settings.Data)))
        .AddSingleton(settings.Certificates)
        .AddSingleton(settings.Logs).AddSingleton(settings.Carves).AddSingleton(new Outbound(settings.Outbound.Allow)).AddSingleton(new OutFolders(new DataFolder(settings.Data).Out, settings.Outbound.Folders))
        .AddSingleton(settings.Retention)
        .AddSingleton(settings.Silence)
        .AddSingleton(settings.NodeExpiry)
        .AddSingleton(settings.Presence)
        .AddSingleton(settings.NodeInfo)
        .AddSingleton(TimeProvider.System)
        .AddBackends(settings.Backends, new(settings.Data))
        .AddSingleton<Installation>().AddSingleton<ChangeFeed>().AddSingleton<HistoryStore>()
        .AddSingleton<SigningKeys>().AddSingleton<NodeKeys>().AddSingleton<KeyUse>().AddSingleton<NodeStore>().AddSingleton<NodeDirectory>().AddSingleton<LastSeen>().AddSingleton<NodeCatalog>().AddSingleton<Activity>().AddSingleton<QueryCosts>().AddSingleton<DeviceLinks>()
        .AddSingleton<EnrollSecrets>().AddSingleton<EnrollRefusals>().AddSingleton<NodeFinder>().AddSingleton<Enrollment>()
        .AddSingleton<ConfigItems>().AddSingleton<ConfigAssembler>().AddSingleton<ConfigSizes>().AddSingleton<ConfigImport>().AddSingleton(OsquerySqlOf)
        .AddSingleton<CampaignStore>().AddSingleton<CampaignSchedules>().AddSingleton<CampaignTallies>().AddSingleton<AnswerStore>().AddSingleton<Offers>().AddSingleton<Answers>()
        .AddSingleton<BatchStore>().AddSingleton(services => new PostStore(services.GetRequiredService<ITables>(), services.GetRequiredService<BatchStore>(), services.GetRequiredService<TimeProvider>(), isShared: settings.Backends.HasStorage)).AddSingleton<Inbox>().AddSingleton<Quarantine>().AddSingleton<ResultIndex>().AddSingleton<ReportStore>().AddSingleton(services => new CurrentReports(services.GetRequiredService<NodeDirectory>(), (query, tags, platform) => services.GetRequiredService<ConfigItems>().ScheduledFor(query, tags, platform)?.Schedule.Sql)).AddSingleton<LargeBatches>().AddSingleton<ResultPages>().AddSingleton<ResultSearch>().AddSingleton(services => new CostReader(services.GetRequiredService<QueryCosts>(), name => services.GetRequiredService<ConfigItems>().PackQueryName(name))).AddSingleton<Denylistings>().AddSingleton(BuiltInResultsOf)
        .AddSingleton<AlertStore>().AddSingleton<AlertGroups>().AddSingleton<OpenAlerts>().AddSingleton<AlertHistory>().AddSingleton<Mutes>().AddSingleton<Digests>().AddSingleton<AlerterGates>().AddSingleton<AlertLife>().AddSingleton(AlerterMakerOf).AddSingleton<Alerters>()
        .AddSingleton(new AlertSite(settings.Auth.OAuth.PublicUrl ?? (settings.IsFunctionsApp ? null : settings.Http.Url)))
        .AddSingleton<CarveStore>().AddSingleton<CarveIntake>()
        .AddSingleton<RuleStore>().AddSingleton<FirstSeen>().AddSingleton<StoredMemory>().AddSingleton<BackTest>().AddSingleton<AlertCap>()
        .AddSingleton(SinkMakerOf).AddSingleton<SinkStore>().AddSingleton<SinkQueue>().AddSingleton<SinkPump>()
        .AddSingleton<ISubscriber, EvaluateRules>().AddSingleton<ISubscriber, ForwardResults>().AddSingleton<ISubscriber, SendAlerts>()
        .AddSingleton<ClientCertificates>().AddSingleton<Arrivals>().AddSingleton<NodeGate>().AddSingleton<Enroll>().AddSingleton<ConfigCall>().AddSingleton<Log>().AddSingleton<DistributedRead>().AddSingleton<DistributedWrite>()
        .AddSingleton<CarveStart>().AddSingleton<CarveContinue>()
        .AddSingleton<IAnswerWriter>(settings.IsFunctionsApp ? new EarlyAnswerWriter() : new WholeAnswerWriter()).AddSingleton(AgentEndpointOf)
        .AddSingleton(settings.Auth).AddSingleton(settings.Caution).AddSingleton(settings.Transparency).AddSingleton(new EffectiveSettings(settings.Entries))
        .AddSingleton<UserStore>().AddSingleton<TokenStore>().AddSingleton<SessionStore>().AddSingleton<AuditLog>().AddSingleton<CallerLimit>().AddSingleton<SqlTurns>().AddSingleton<PluginPlaces>()
        .AddSingleton<ExtensionTables>().AddSingleton<QueryItems>().AddSingleton<PackItems>().AddSingleton<FilePathItems>().AddSingleton<OptionItems>().AddSingleton<Edits>().AddSingleton<NodeChanges>().AddSingleton<TagChanges>()
        .AddSingleton<NodeQuery>().AddSingleton<NodeTimeline>().AddSingleton<TargetCount>().AddSingleton<CampaignCaution>().AddSingleton<SqlNotes>().AddSingleton<CampaignStart>().AddSingleton<CampaignScheduleReader>().AddSingleton<CampaignWatch>()
        .AddSingleton<MetricsBoard>().AddSingleton<ChoreBoard>().AddSingleton<StageBoard>().AddSingleton<UpkeepMemory>().AddSingleton<TwoRuns>().AddSingleton<Materialize>().AddSingleton<SilentNodes>().AddSingleton<Retention>().AddSingleton<NodeExpiry>().AddSingleton<TellRefusals>().AddSingleton<Expiry>().AddSingleton<TidyCarves>().AddSingleton<TendAlerts>().AddSingleton<AbsenceRules>().AddSingleton<ReportSweep>().AddSingleton<Chores>();

    private static BuiltInResults BuiltInResultsOf(IServiceProvider services) => new(
        services.GetRequiredService<BatchStore>(), services.GetRequiredService<Inbox>(), services.GetRequiredService<IBus>(), name => services.GetRequiredService<RuleStore>().Compiled.Wants(name));

    private static OsquerySql OsquerySqlOf(IServiceProvider services)
    {
        var items = services.GetRequiredService<ConfigItems>();
        var extensions = services.GetRequiredService<ExtensionTables>();
        return new(
            services.GetRequiredService<Settings>().ExtraTables,
            services.GetRequiredService<Limits>(),
            () => items.Options.Current.Items.Select(set => set.Config).Concat(items.Packs.Current.Items.Select(pack => pack.Json)),
            () => extensions.Table.Current.Items);
    }

    private static AlerterMaker AlerterMakerOf(IServiceProvider services) => new(
        services.GetRequiredService<Limits>(), services.GetRequiredService<TimeProvider>(), services.GetRequiredService<Outbound>(), services.GetRequiredService<OutFolders>(), TokensOf(services));

    private static SinkMaker SinkMakerOf(IServiceProvider services) => new(
        services.GetRequiredService<IBlobs>(), services.GetRequiredService<Limits>(), services.GetRequiredService<TimeProvider>(), services.GetRequiredService<Outbound>(), services.GetRequiredService<OutFolders>(), TokensOf(services));

    /// <summary>Tokens of this server's own identity; nobody is asked before the first.</summary>
    private static Func<string, CancellationToken, ValueTask<string>> TokensOf(IServiceProvider services) =>
        async (scope, ct) => (await services.GetRequiredService<TokenCredential>().GetTokenAsync(new([scope]), ct)).Token;

    private static AgentEndpoint AgentEndpointOf(IServiceProvider services) => ActivatorUtilities.CreateInstance<AgentEndpoint>(services, new Dictionary<string, IAgentCall>
    {
        ["enroll"] = services.GetRequiredService<Enroll>(),
        ["config"] = services.GetRequiredService<ConfigCall>(),
        ["log"] = services.GetRequiredService<Log>(),
        ["distributed/read"] = services.GetRequiredService<DistributedRead>(),
        ["distributed/write"] = services.GetRequiredService<DistributedWrite>(),
        ["carve/start"] = services.GetRequiredService<CarveStart>(),
        ["carve/continue"] = services.GetRequiredService<CarveContinue>(),
    });
}
