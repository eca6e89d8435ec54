using System.Text.Json.Serialization;

namespace Fleet.Nodes;

[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class NodeJson : JsonSerializerContext;
