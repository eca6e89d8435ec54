using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Fleet.Manager;

/// <summary>The API's JSON: camelCase; a member that is unknown, twice or missing is refused; times are UTC.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(SessionRequest))]
[JsonSerializable(typeof(SessionBody))]
[JsonSerializable(typeof(SignInMethods))]
[JsonSerializable(typeof(PasswordChange))]
[JsonSerializable(typeof(ListOf<SessionEntry>))]
[JsonSerializable(typeof(NewUser))]
[JsonSerializable(typeof(UserPatch))]
[JsonSerializable(typeof(ListOf<UserBody>))]
[JsonSerializable(typeof(NewToken))]
[JsonSerializable(typeof(ListOf<TokenBody>))]
[JsonSerializable(typeof(ListOf<AuditBody>))]
[JsonSerializable(typeof(ListOf<SettingBody>))]
[JsonSerializable(typeof(ListOf<NodeBody>))]
[JsonSerializable(typeof(NewNode))]
[JsonSerializable(typeof(NewNodeBody))]
[JsonSerializable(typeof(NodePatch))]
[JsonSerializable(typeof(NodeLookup))]
[JsonSerializable(typeof(BulkRequest))]
[JsonSerializable(typeof(BulkBody))]
[JsonSerializable(typeof(KeepInstance))]
[JsonSerializable(typeof(ListOf<DuplicateBody>))]
[JsonSerializable(typeof(ListOf<AppliesBody>))]
[JsonSerializable(typeof(ListOf<NodeEvent>))]
[JsonSerializable(typeof(ListOf<ResultBody>))]
[JsonSerializable(typeof(ListOf<StatusBody>))]
[JsonSerializable(typeof(QueryRequest))]
[JsonSerializable(typeof(ListOf<QueryBody>))]
[JsonSerializable(typeof(SqlRequest))]
[JsonSerializable(typeof(SqlBody))]
[JsonSerializable(typeof(SchemaBody))]
[JsonSerializable(typeof(ListOf<JsonObject>))]
[JsonSerializable(typeof(FilePathsRequest))]
[JsonSerializable(typeof(ListOf<FilePathsBody>))]
[JsonSerializable(typeof(OptionsRequest))]
[JsonSerializable(typeof(ListOf<OptionsBody>))]
[JsonSerializable(typeof(NewName))]
[JsonSerializable(typeof(UsedByBody))]
[JsonSerializable(typeof(ListOf<VersionBody>))]
[JsonSerializable(typeof(ItemChange))]
[JsonSerializable(typeof(ConfigSizeBody))]
[JsonSerializable(typeof(ExtensionTableRequest))]
[JsonSerializable(typeof(ListOf<ExtensionTableBody>))]
[JsonSerializable(typeof(IReadOnlyList<FieldError>))]
[JsonSerializable(typeof(ImportBody))]
[JsonSerializable(typeof(ListOf<TagBody>))]
[JsonSerializable(typeof(TaggedBody))]
[JsonSerializable(typeof(TagChangeBody))]
[JsonSerializable(typeof(NodeStats))]
[JsonSerializable(typeof(ActivityStats))]
[JsonSerializable(typeof(QueryCostStats))]
[JsonSerializable(typeof(NewEnrollSecret))]
[JsonSerializable(typeof(EnrollSecretPatch))]
[JsonSerializable(typeof(ListOf<EnrollSecretBody>))]
[JsonSerializable(typeof(ListOf<DenylistedStats>))]
[JsonSerializable(typeof(ListOf<EnrollRefusalBody>))]
[JsonSerializable(typeof(NewCampaign))]
[JsonSerializable(typeof(CampaignScheduleRequest))]
[JsonSerializable(typeof(ListOf<CampaignScheduleBody>))]
[JsonSerializable(typeof(CampaignPreviewRequest))]
[JsonSerializable(typeof(CampaignPreview))]
[JsonSerializable(typeof(RepeatRequest))]
[JsonSerializable(typeof(SaveAsQuery))]
[JsonSerializable(typeof(ListOf<CampaignBody>))]
[JsonSerializable(typeof(ListOf<AnswerBody>))]
[JsonSerializable(typeof(ListOf<CampaignNodeBody>))]
[JsonSerializable(typeof(RuleRequest))]
[JsonSerializable(typeof(ListOf<RuleBody>))]
[JsonSerializable(typeof(RuleTrial))]
[JsonSerializable(typeof(RuleTestBody))]
[JsonSerializable(typeof(RuleSchema))]
[JsonSerializable(typeof(ListOf<AlertBody>))]
[JsonSerializable(typeof(ListOf<AlertStepBody>))]
[JsonSerializable(typeof(AlertNote))]
[JsonSerializable(typeof(AlertSnooze))]
[JsonSerializable(typeof(AlertOwner))]
[JsonSerializable(typeof(AlertsRequest))]
[JsonSerializable(typeof(AlertsDone))]
[JsonSerializable(typeof(NewMute))]
[JsonSerializable(typeof(HealthReport))]
[JsonSerializable(typeof(MetricsBody))]
[JsonSerializable(typeof(SinkRequest))]
[JsonSerializable(typeof(ListOf<SinkBody>))]
[JsonSerializable(typeof(SinkStatus))]
[JsonSerializable(typeof(SinkSchema))]
[JsonSerializable(typeof(RuleImportBody))]
[JsonSerializable(typeof(BackTestRequest))]
[JsonSerializable(typeof(BackTestEvent))]
[JsonSerializable(typeof(ListOf<MuteBody>))]
[JsonSerializable(typeof(ListOf<DeadLetterBody>))]
[JsonSerializable(typeof(DeadLettersSent))]
[JsonSerializable(typeof(AlerterRequest))]
[JsonSerializable(typeof(ListOf<AlerterBody>))]
[JsonSerializable(typeof(AlerterTest))]
[JsonSerializable(typeof(AlerterSchema))]
[JsonSerializable(typeof(ListOf<ReportBody>))]
[JsonSerializable(typeof(NewCarve))]
[JsonSerializable(typeof(NewCarveBody))]
[JsonSerializable(typeof(ListOf<CarveBody>))]
[JsonSerializable(typeof(ListOf<CarvedFile>))]
[JsonSerializable(typeof(NewEnrollLink))]
[JsonSerializable(typeof(EnrollLinkBody))]
[JsonSerializable(typeof(EnrollInstructions))]
[JsonSerializable(typeof(AgentSetup))]
[JsonSerializable(typeof(DeviceLinkRequest))]
[JsonSerializable(typeof(DeviceLinkBody))]
[JsonSerializable(typeof(DeviceBody))]
internal sealed partial class ManagerJson : JsonSerializerContext
{
    /// <summary>For problems.</summary>
    public static ManagerJson Relaxed { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>As endpoints read and write.</summary>
    public static ManagerJson Strict { get; } = new(NewStrict());

    /// <summary>One a line, without what is null.</summary>
    public static ManagerJson Lines { get; } = new(NewLines());

    /// <summary>For files that people open.</summary>
    public static ManagerJson Indented { get; } = new(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Has the server read and write so.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        MakeStrict(options);
        options.TypeInfoResolverChain.Insert(0, Default);
    }

    private static void MakeStrict(JsonSerializerOptions options)
    {
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new UtcTime());
        options.Converters.Add(new NoNulls());
    }

    private static JsonSerializerOptions NewLines()
    {
        var options = NewStrict();
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        return options;
    }

    private static JsonSerializerOptions NewStrict()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        MakeStrict(options);
        return options;
    }
}
