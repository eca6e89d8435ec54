using System.Text.Json;

namespace Fleet.Agents;

/// <summary>What an agent is told. The agent reads the body alone: it is never empty, and holds <c>error</c> exactly when the call failed.</summary>
/// <param name="Gzip">The same body packed, for agents that ask for it; empty for none.</param>
internal readonly record struct AgentAnswer(int Status, ReadOnlyMemory<byte> Body, ReadOnlyMemory<byte> Gzip = default)
{
    /// <summary>Done; there is nothing to say.</summary>
    public static AgentAnswer Ok { get; } = new(200, """{"node_invalid":false}"""u8.ToArray());

    /// <summary>The key is proven bad: the agent forgets it and enrolls again. Status 200, as Doorman's.</summary>
    public static AgentAnswer NodeInvalid { get; } = new(200, """{"node_invalid":true}"""u8.ToArray());

    /// <summary>The agent keeps what it has and comes back.</summary>
    public static AgentAnswer Error(int status, string message)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("error", message);
            json.WriteEndObject();
        }

        return new(status, bytes.ToArray());
    }
}
