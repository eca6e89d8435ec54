using System.Buffers.Binary;
using System.Globalization;

namespace Fleet.Alerts;

/// <summary>A row that matched. Packed, sixteen bytes.</summary>
/// <param name="At">The agent's clock. Where equal rows are counted each has a fraction of a second of its own: agents tell whole seconds.</param>
/// <param name="Row">The beginning of the row's digest.</param>
internal readonly record struct Hit(DateTimeOffset At, ulong Row)
{
    private const int Bytes = 16;

    /// <summary>The row was in the first run of its query, which says all that there is: what was there before is counted no more. Not packed.</summary>
    public bool IsStart { get; init; }

    public long Second => At.ToUnixTimeSeconds();

    /// <summary>As a removal: whether it is that row's end. One that was removed before it was added was another one: batches may be judged out of their order.</summary>
    public bool Ends(Hit live) => Row == live.Row && Second >= live.Second;

    /// <summary>One of equal rows.</summary>
    /// <param name="digest">Of what they have in common.</param>
    /// <param name="at">The agent's clock.</param>
    /// <param name="one">A digest of the one alone.</param>
    public static Hit OneOf(string digest, DateTimeOffset at, string one) => Of(
        digest, DateTimeOffset.FromUnixTimeSeconds(at.ToUnixTimeSeconds()).AddTicks((long)(Of(one, at).Row % LiveRows.Salts)));

    public static Hit Of(string digest, DateTimeOffset at) => new(at, ulong.Parse(digest.AsSpan(0, 16), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    /// <summary>The newest, at most <paramref name="most"/>.</summary>
    public static byte[] Pack(IEnumerable<Hit> hits, int most)
    {
        var newest = hits.OrderByDescending(hit => hit.At).Take(most).ToList();
        var bytes = new byte[newest.Count * Bytes];
        for (var i = 0; i < newest.Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * Bytes), newest[i].At.UtcTicks);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan((i * Bytes) + 8), newest[i].Row);
        }

        return bytes;
    }

    public static IEnumerable<Hit> Unpack(byte[] bytes)
    {
        for (var i = 0; i + Bytes <= bytes.Length; i += Bytes)
        {
            yield return new(new(BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i)), TimeSpan.Zero), BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i + 8)));
        }
    }
}
