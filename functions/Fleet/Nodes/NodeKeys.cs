using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>What a node key says, once its signature was found good.</summary>
internal readonly record struct NodeClaim(NodeId Id, uint Epoch);

internal enum KeyVerdict
{
    Good,

    /// <summary>Proven bad: not ours, or altered.</summary>
    Bad,

    /// <summary>Signed with a key that this instance does not know, but may not have read yet.</summary>
    Unknown,
}

/// <summary>Node keys: <c>base64url(id ‖ epoch ‖ key id) . base64url(HMAC-SHA256)</c>, 76 characters. Checking one costs CPU only.</summary>
internal sealed class NodeKeys(SigningKeys signing)
{
    private const int ClaimBytes = NodeId.Size + 4 + 4;
    private const int ClaimCharacters = 32;
    private const int Characters = ClaimCharacters + 1 + 43;

    /// <summary>The key of this generation of the node. The same until a signing key is rotated.</summary>
    public string Sign(NodeId id, long epoch)
    {
        var key = signing.Live[0];
        Span<byte> claim = stackalloc byte[ClaimBytes];
        id.Write(claim);
        BinaryPrimitives.WriteUInt32BigEndian(claim[NodeId.Size..], (uint)epoch);
        BinaryPrimitives.WriteUInt32BigEndian(claim[(NodeId.Size + 4)..], key.Id);
        return $"{Base64Url.EncodeToString(claim)}.{Base64Url.EncodeToString(HMACSHA256.HashData(key.Bytes, claim))}";
    }

    /// <summary>The key that signs now.</summary>
    public uint SignsWith => signing.Live[0].Id;

    /// <summary>Signatures of a text by all live keys, the one that signs now first. A purpose before the text keeps uses apart.</summary>
    public IReadOnlyList<string> SignText(string text) =>
        [.. signing.Live.Select(key => Base64Url.EncodeToString(HMACSHA256.HashData(key.Bytes, Encoding.UTF8.GetBytes(text))))];

    /// <summary>Whether this instance has read its signing keys, and can tell strangers from nodes. One that has just started has not.</summary>
    public bool CanTell => signing.Live.Count > 0;

    public KeyVerdict TryRead(ReadOnlySpan<byte> nodeKey, out NodeClaim claim)
    {
        claim = default;
        if (nodeKey.Length != Characters || nodeKey[ClaimCharacters] != (byte)'.') return KeyVerdict.Bad;

        Span<byte> bytes = stackalloc byte[ClaimBytes];
        Span<byte> signature = stackalloc byte[32];
        if (Base64Url.DecodeFromUtf8(nodeKey[..ClaimCharacters], bytes, out _, out var written) != OperationStatus.Done || written != ClaimBytes
            || Base64Url.DecodeFromUtf8(nodeKey[(ClaimCharacters + 1)..], signature, out _, out written) != OperationStatus.Done || written != 32)
        {
            return KeyVerdict.Bad;
        }

        var id = BinaryPrimitives.ReadUInt32BigEndian(bytes[(NodeId.Size + 4)..]);
        foreach (var key in signing.Live)
        {
            if (key.Id != id) continue;
            Span<byte> right = stackalloc byte[32];
            HMACSHA256.HashData(key.Bytes, bytes, right);
            if (!CryptographicOperations.FixedTimeEquals(right, signature)) return KeyVerdict.Bad;
            claim = new(NodeId.Read(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[NodeId.Size..]));
            return KeyVerdict.Good;
        }

        return KeyVerdict.Unknown;
    }

    public KeyVerdict TryRead(string nodeKey, out NodeClaim claim) => TryRead(Encoding.UTF8.GetBytes(nodeKey), out claim);
}
