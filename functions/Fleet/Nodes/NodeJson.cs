using System.Text.Json.Serialization;

namespace Fleet.Nodes;

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, DateTimeOffset>))]
internal sealed partial class NodeJson : JsonSerializerContext;
