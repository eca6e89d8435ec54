using System.Text.Json.Serialization;

namespace Fleet.Alerts;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AlertDelivery))]
internal sealed partial class AlertJson : JsonSerializerContext;
