using System.Formats.Tar;
using System.Text;
using Fleet.Carves;
using ZstdSharp;

namespace Fleet.Tests.Agents;

public sealed class CarveArchiveTests
{
    [Theory]
    [InlineData("none")]
    [InlineData("zstd")]
    public async Task Files_are_listed_however_the_tar_is_packed(string packing)
    {
        var tar = await TarAsync(("a", 5), ("b", 700_000));
        var bytes = packing == "zstd" ? Pack(tar) : tar;
        Assert.Equal(packing, CarveArchive.PackingOf(bytes));
        Assert.Equal([("a", 5), ("b", 700_000)], (await ListAsync(bytes)).Select(entry => (entry.Name, entry.Size)));
    }

    [Fact]
    public async Task A_small_archive_that_unpacks_to_much_is_read_no_further_than_the_limit()
    {
        var bytes = Pack(await TarAsync([.. Enumerable.Range(0, 100).Select(i => ($"f{i}", 1 << 20))]));
        Assert.True(bytes.Length < 1 << 20);
        Assert.Equal(11, (await ListAsync(bytes, mostBytes: 10 << 20)).Count);
    }

    [Fact]
    public async Task What_cannot_be_unpacked_is_said_to_be_no_tar()
    {
        var whole = Pack(await TarAsync(("a", 700_000)));
        await Assert.ThrowsAsync<InvalidDataException>(() => ListAsync(whole[..(whole.Length / 2)]));
        await Assert.ThrowsAsync<InvalidDataException>(() => ListAsync([.. whole[..4], .. Enumerable.Repeat((byte)0xFF, 100)]));
    }

    [Fact]
    public async Task A_frame_that_asks_for_a_gigabyte_of_memory_gets_none()
    {
        // A frame header whose window is 1 GiB (RFC 8878, 3.1.1.1.2), and an empty last block.
        byte[] greedy = [0x28, 0xB5, 0x2F, 0xFD, 0x00, (30 - 10) << 3, 0x01, 0x00, 0x00];
        await Assert.ThrowsAsync<InvalidDataException>(() => ListAsync(greedy));
    }

    private static async Task<IReadOnlyList<CarvedEntry>> ListAsync(byte[] bytes, long mostBytes = 1 << 30)
    {
        await using var tar = CarveArchive.Open(new MemoryStream(bytes), CarveArchive.PackingOf(bytes));
        return await CarveListing.ReadAsync(tar, 1_000, mostBytes, default);
    }

    private static byte[] Pack(byte[] tar)
    {
        using var compressor = new Compressor(1);
        return compressor.Wrap(tar).ToArray();
    }

    private static async Task<byte[]> TarAsync(params (string Name, int Size)[] files)
    {
        using var bytes = new MemoryStream();
        await using (var tar = new TarWriter(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, size) in files) await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.ASCII.GetBytes(new string('x', size))) });
        }

        return bytes.ToArray();
    }
}
