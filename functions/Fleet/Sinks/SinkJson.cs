using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Fleet.Sinks;

[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(JsonArray))]
internal sealed partial class SinkJson : JsonSerializerContext;
