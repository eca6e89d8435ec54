using System.Formats.Tar;
using ZstdSharp;

namespace Fleet.Carves;

/// <param name="Name">Safe to show and to write.</param>
internal sealed record CarvedEntry(string Name, long Size);

/// <summary>What is in a carve's tar, which a machine that was taken over may have made up.</summary>
internal static class CarveListing
{
    /// <param name="tar">The archive, not packed.</param>
    /// <param name="most">How many names are read.</param>
    /// <param name="mostBytes">Of files: a few packed bytes may unpack to any number.</param>
    /// <param name="ct">Stops the read.</param>
    /// <exception cref="InvalidDataException">It is no tar that can be read.</exception>
    public static async ValueTask<IReadOnlyList<CarvedEntry>> ReadAsync(Stream tar, int most, long mostBytes, CancellationToken ct)
    {
        var files = new List<CarvedEntry>();
        try
        {
            await using var reader = new TarReader(tar, leaveOpen: true);
            while (files.Count < most && mostBytes >= 0 && await reader.GetNextEntryAsync(copyData: false, ct) is { } entry)
            {
                mostBytes -= entry.Length;
                if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile) files.Add(new(CarveNames.Safe(entry.Name), entry.Length));
            }
        }
        catch (Exception fault) when (fault is FormatException or EndOfStreamException or ArgumentException or InvalidOperationException or OverflowException or OutOfMemoryException or NotSupportedException or ZstdException)
        {
            throw new InvalidDataException(fault.Message, fault);
        }

        return files;
    }
}
