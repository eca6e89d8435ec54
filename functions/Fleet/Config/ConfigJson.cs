using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Fleet.Config;

[JsonSerializable(typeof(JsonObject))]
internal sealed partial class ConfigJson : JsonSerializerContext;
