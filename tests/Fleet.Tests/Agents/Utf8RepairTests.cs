using System.Text;
using Fleet.Kernel;
using FsCheck;
using FsCheck.Fluent;

namespace Fleet.Tests.Agents;

public sealed class Utf8RepairTests
{
    private static readonly byte[][] s_pieces =
    [
        [(byte)'a'], "é"u8.ToArray(), "€"u8.ToArray(), "😀"u8.ToArray(), [0x80], [0xC0], [0xC3], [0xE2], [0xE2, 0x82], [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80], [0xF5], [0xFF], [0x00], [0xF4, 0x90], [0xC3, 0x28], [0xE0, 0x9F],
    ];

    /// <summary>However a text is cut into pieces, it becomes what .NET's decoder makes of the whole.</summary>
    [Fact]
    public void Pieces_become_what_the_whole_would() => Check.One(
        FsCheck.Config.QuickThrowOnFailure.WithMaxTest(5_000),
        Prop.ForAll(
            Gen.Elements(s_pieces).ArrayOf().SelectMany(parts => Gen.Choose(1, 5).ArrayOf().Select(cuts => (Bytes: parts.SelectMany(part => part).ToArray(), Cuts: cuts))).ToArbitrary(),
            pair => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(pair.Bytes)).AsSpan().SequenceEqual(Repaired(pair.Bytes, pair.Cuts))));

    private static byte[] Repaired(byte[] bytes, int[] cuts)
    {
        var repaired = new List<byte>();
        var repair = default(Utf8Repair);
        var (at, cut) = (0, 0);
        while (at < bytes.Length)
        {
            var length = Math.Min(bytes.Length - at, cuts.Length == 0 ? bytes.Length : cuts[cut++ % cuts.Length]);
            repair.Write(bytes.AsSpan(at, length), piece => repaired.AddRange(piece));
            at += length;
        }

        repair.End(piece => repaired.AddRange(piece));
        return [.. repaired];
    }
}
