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
[JsonSerializable(typeof(ListOf<NodeBody>))]
[JsonSerializable(typeof(NewNode))]
[JsonSerializable(typeof(NewNodeBody))]
[JsonSerializable(typeof(NodePatch))]
[JsonSerializable(typeof(ListOf<ResultBody>))]
[JsonSerializable(typeof(ListOf<StatusBody>))]
[JsonSerializable(typeof(QueryRequest))]
[JsonSerializable(typeof(ListOf<QueryBody>))]
[JsonSerializable(typeof(SqlRequest))]
[JsonSerializable(typeof(SqlBody))]
[JsonSerializable(typeof(ListOf<JsonObject>))]
[JsonSerializable(typeof(FilePathsRequest))]
[JsonSerializable(typeof(ListOf<FilePathsBody>))]
[JsonSerializable(typeof(OptionsRequest))]
[JsonSerializable(typeof(ListOf<OptionsBody>))]
[JsonSerializable(typeof(ListOf<TagBody>))]
[JsonSerializable(typeof(NewEnrollSecret))]
[JsonSerializable(typeof(EnrollSecretPatch))]
[JsonSerializable(typeof(ListOf<EnrollSecretBody>))]
[JsonSerializable(typeof(NewCampaign))]
[JsonSerializable(typeof(ListOf<CampaignBody>))]
[JsonSerializable(typeof(ListOf<AnswerBody>))]
[JsonSerializable(typeof(RuleRequest))]
[JsonSerializable(typeof(ListOf<RuleBody>))]
[JsonSerializable(typeof(RuleTest))]
[JsonSerializable(typeof(RuleTestBody))]
[JsonSerializable(typeof(ListOf<AlertBody>))]
[JsonSerializable(typeof(ListOf<DeadLetterBody>))]
[JsonSerializable(typeof(AlerterRequest))]
[JsonSerializable(typeof(ListOf<AlerterBody>))]
[JsonSerializable(typeof(ListOf<ReportBody>))]
[JsonSerializable(typeof(NewCarve))]
[JsonSerializable(typeof(NewCarveBody))]
[JsonSerializable(typeof(ListOf<CarveBody>))]
[JsonSerializable(typeof(ListOf<CarvedFile>))]
internal sealed partial class ManagerJson : JsonSerializerContext
{
    /// <summary>For what is written outside of an endpoint.</summary>
    public static ManagerJson Relaxed { get; } = new(new JsonSerializerOptions(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static void Configure(JsonSerializerOptions options)
    {
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.AllowDuplicateProperties = false;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new UtcTime());
        options.TypeInfoResolverChain.Insert(0, Default);
    }
}
