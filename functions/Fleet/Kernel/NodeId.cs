using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Fleet.Kernel;

/// <summary>A node's identity: 16 bytes, written as 32 lower-case hex digits.</summary>
internal readonly record struct NodeId(UInt128 Value)
{
    public const int Size = 16;

    /// <summary>The id of the machine behind a host identifier. The same identifier, in any case, gives the same id, so two
    /// enrollments at once cannot make two nodes, and no index is needed.</summary>
    public static NodeId OfHost(string hostIdentifier) =>
        Read(SHA256.HashData(Encoding.UTF8.GetBytes("host\n" + hostIdentifier.ToLowerInvariant())));

    /// <summary>The id of the machine behind a client certificate's name. No host identifier gives the same: who knows an enroll secret
    /// cannot take a certified machine's place.</summary>
    public static NodeId OfCertificate(string name) =>
        Read(SHA256.HashData(Encoding.UTF8.GetBytes("certificate\n" + name.ToLowerInvariant())));

    /// <summary>The id of one osquery installation among several that share a host identifier.</summary>
    public static NodeId OfInstallation(string hostIdentifier, string instance) =>
        Read(SHA256.HashData(Encoding.UTF8.GetBytes($"installation\n{hostIdentifier.ToLowerInvariant()}\n{instance.ToLowerInvariant()}")));

    /// <summary>An id that follows from nothing: for nodes made by hand, or when host identifiers are not unique.</summary>
    public static NodeId Random() => Read(RandomNumberGenerator.GetBytes(Size));

    public static NodeId Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    public static bool TryParse(string? text, out NodeId id)
    {
        id = default;
        if (text is not { Length: 2 * Size } || !UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            return false;
        }

        id = new(value);
        return true;
    }

    public void Write(Span<byte> bytes) => BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);

    /// <summary>The partition that holds this node: one of 256, by the first byte.</summary>
    public string Shard => ToString()[..2];

    public override string ToString() => Value.ToString("x32", CultureInfo.InvariantCulture);

    public override int GetHashCode() => (int)(uint)Value;
}
