using System.Text.Json;
using Fleet.Carves;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Agents;

/// <summary>A block of a carve. The session is the credential; agents from 5.23 on send their key beside it, and then it must be the same node's.</summary>
internal sealed class CarveContinue(CarveIntake intake, NodeKeys keys, SigningKeys signing, ChangeFeed changes) : IAgentCall
{
    private static readonly AgentAnswer s_taken = new(200, """{"success":true}"""u8.ToArray());

    public bool IsSmall => false;

    public bool TakesKey => false;

    public bool ReadsNoError => true;

    public async ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct)
    {
        await changes.LookAsync(ct);
        await signing.EnsureAsync(ct);
        var block = request.Read(Block.Read);
        NodeId? sender = request.HeaderKey.Length > 0 && keys.TryRead(request.HeaderKey, out var claim) == KeyVerdict.Good ? claim.Id : null;
        return await intake.TakeAsync(block.Session, sender, block.Number, block.Bytes, ct) is { } fault ? AgentAnswer.Error(400, fault) : s_taken;
    }

    private readonly record struct Block(string Session, int Number, byte[] Bytes)
    {
        /// <exception cref="JsonException">It is not what an agent sends.</exception>
        public static Block Read(ReadOnlyMemory<byte> json)
        {
            var reader = new Utf8JsonReader(json.Span, JsonText.Lenient);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw new JsonException("The body must be a JSON object.");
            string session = "";
            var number = -1;
            byte[]? bytes = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var member = JsonText.String(ref reader);
                reader.Read();
                if (member == "session_id" && reader.TokenType == JsonTokenType.String) session = JsonText.String(ref reader);
                else if (member == "block_id") number = (int)Math.Clamp(JsonText.Number(ref reader) ?? -1, -1, int.MaxValue);
                else if (member == "data") bytes = Base64(ref reader) ?? throw new JsonException("data must be base64.");
                else reader.Skip();
            }

            return bytes is null ? throw new JsonException("data is missing.") : new(session, number, bytes);
        }

        private static byte[]? Base64(ref Utf8JsonReader reader)
        {
            try
            {
                return reader.TokenType == JsonTokenType.String && reader.TryGetBytesFromBase64(out var bytes) ? bytes : null;
            }
            catch (InvalidOperationException)
            {
                // A lone surrogate in it.
                return null;
            }
        }
    }
}
