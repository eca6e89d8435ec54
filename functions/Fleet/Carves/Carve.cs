using Fleet.Kernel;

namespace Fleet.Carves;

/// <summary>What may be carved: <c>Fleet__Carves__NAME</c>.</summary>
/// <param name="Unasked">Carves that no distributed query of ours began are taken too: those of queries in the schedule.</param>
internal sealed record CarveSettings(bool Unasked);

internal enum CarveState
{
    /// <summary>The node answered a query with this carve's guid, and has sent nothing yet.</summary>
    Requested,

    Receiving,
    Complete,

    /// <summary>It did not arrive in time; its blocks are gone.</summary>
    Expired,

    /// <summary>The node announced it, and was told not to send it.</summary>
    Refused,

    /// <summary>The node has nothing to send.</summary>
    Failed,
}

/// <summary>Why a carve did not bring its files.</summary>
internal enum CarveFault
{
    NoFile,
    CarverOff,
    QueryFailed,
    TooLarge,
    StoreFull,
    TooMany,
    BadAnnouncement,

    /// <summary>The agent says that it does not go on.</summary>
    GivenUp,
    Incomplete,
}

/// <summary>Files that a node sends as one tar, in blocks.</summary>
/// <param name="Id">Follows from node and guid: a start that comes twice is one carve.</param>
/// <param name="Guid">osquery's <c>carve_id</c>, which is the <c>carve_guid</c> in the answer of the query that asked.</param>
/// <param name="Campaign">The distributed query that asked, if it was one.</param>
/// <param name="Blocks">How many; 0 until the node has said.</param>
/// <param name="BlockSize">Bytes of each block but the last.</param>
/// <param name="Size">Bytes of all.</param>
/// <param name="IsClosing">Its last block is there, so any block may be the one that completes it.</param>
/// <param name="Sha256">Of the whole, in hex; null until it was read through.</param>
/// <param name="Packing"><c>zstd</c>, <c>none</c>, or null until it was read through.</param>
/// <param name="Fault">Why it brought no files, or null.</param>
/// <param name="Reason">The same for people.</param>
internal sealed record Carve(
    string Id, NodeId Node, string Guid, string? Campaign, CarveState State, DateTimeOffset CreatedAt, int Blocks, long BlockSize, long Size, bool IsClosing,
    DateTimeOffset? CompletedAt, string? Sha256, string? Packing, CarveFault? Fault = null, string? Reason = null)
{
    /// <summary>One of which no block was announced, or will come.</summary>
    public static Carve WithoutBlocks(string id, NodeId node, string guid, string? campaign, CarveState state, DateTimeOffset createdAt, CarveFault? fault = null, string? reason = null) =>
        new(id, node, guid, campaign, state, createdAt, Blocks: 0, BlockSize: 0, Size: 0, IsClosing: false, CompletedAt: null, Sha256: null, Packing: null, fault, reason);

    public bool IsOpen => State is CarveState.Receiving or CarveState.Requested;

    public static string IdOf(NodeId node, string guid) => Digest.Of(node.ToString(), guid.ToLowerInvariant());

    /// <summary>The bytes that a block must have.</summary>
    public long SizeOf(int block) => block < Blocks - 1 ? BlockSize : Size - (BlockSize * (Blocks - 1));
}
