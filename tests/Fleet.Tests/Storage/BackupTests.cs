using System.Formats.Tar;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Storage;

public sealed class BackupTests : IDisposable
{
    private const string Words = "correct horse battery";

    private readonly Scratch _scratch = new();

    private string From => _scratch.File("from");

    private string To => _scratch.File("to");

    private string Tar => _scratch.File("fleet.tar");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_backup_that_is_made_while_rows_are_written_is_one_moment_of_them_and_comes_back_whole()
    {
        Directory.CreateDirectory(From);
        using (var database = new SqliteDatabase(Path.Combine(From, Backup.Database), Limits.Default))
        {
            var table = new SqliteTables(database, TimeProvider.System)["T"];
            await new FileSecrets(Path.Combine(From, "secrets.json"), TimeProvider.System).AddAsync("key", "value", default);
            var blob = new BlobName("carves", "a/b");
            var blobs = new FileBlobs(Path.Combine(From, "blobs"));
            await blobs.StageAsync(blob, 0, "bytes"u8.ToArray(), default);
            await blobs.CommitAsync(blob, 1, default);

            // Both rows of a pair are written at once: a copy that has one has the other.
            using var stop = new CancellationTokenSource();
            await table.WriteAllAsync([Write.Replace(new("p", "a"), new Columns { ["n"] = 0L }), Write.Replace(new("p", "b"), new Columns { ["n"] = 0L })], default);
            var writing = Task.Run(async () =>
            {
                for (var n = 1L; !stop.IsCancellationRequested; n++) await table.WriteAllAsync([Write.Replace(new("p", "a"), new Columns { ["n"] = n }), Write.Replace(new("p", "b"), new Columns { ["n"] = n })], default);
            });
            await Backup.CreateAsync(From, Tar, Words, "1.0.0", TimeProvider.System, default);
            await stop.CancelAsync();
            await writing;
        }

        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_scratch.Path), path => path != From && path != Tar);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Tar));
        Assert.DoesNotContain("value", System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Tar)), StringComparison.Ordinal);

        Assert.True((await Backup.RestoreAsync(Tar, To, () => Words, default)).HasSecrets);
        using var restored = new SqliteDatabase(Path.Combine(To, Backup.Database), Limits.Default);
        var rows = (await new SqliteTables(restored, TimeProvider.System)["T"].PageAsync(KeyRange.Everything, 10, null, default)).Items;
        Assert.Equal(2, rows.Count);
        Assert.Equal(rows[0].Columns.Number("n"), rows[1].Columns.Number("n"));
        Assert.Equal("value", (await new FileSecrets(Path.Combine(To, "secrets.json"), TimeProvider.System).FindAsync("key", default))[0].Value);
        await using var bytes = await new FileBlobs(Path.Combine(To, "blobs")).OpenAsync(new("carves", "a/b"), default);
        Assert.Equal("bytes", await new StreamReader(bytes!).ReadToEndAsync());
    }

    [Fact]
    public async Task Secrets_are_in_no_backup_without_a_passphrase_and_come_out_of_none_without_theirs()
    {
        await MakeAsync();
        await Backup.CreateAsync(From, _scratch.File("plain.tar"), null, "1.0.0", TimeProvider.System, default);
        await using (var tar = new TarReader(File.OpenRead(_scratch.File("plain.tar"))))
        {
            while (await tar.GetNextEntryAsync() is { } entry) Assert.DoesNotContain("secret", entry.Name, StringComparison.Ordinal);
        }

        await Backup.CreateAsync(From, Tar, Words, "1.0.0", TimeProvider.System, default);
        await Assert.ThrowsAsync<InvalidDataException>(() => Backup.RestoreAsync(Tar, To, () => "another", default));
        Assert.Empty(Directory.EnumerateFileSystemEntries(To));
    }

    [Fact]
    public async Task Nothing_is_replaced_by_a_backup_or_a_restore()
    {
        await MakeAsync();
        await Backup.CreateAsync(From, Tar, null, "1.0.0", TimeProvider.System, default);
        await Assert.ThrowsAsync<IOException>(() => Backup.CreateAsync(From, Tar, null, "1.0.0", TimeProvider.System, default));
        await Assert.ThrowsAsync<IOException>(() => Backup.RestoreAsync(Tar, From, () => "", default));
        await Backup.CreateAsync(From, _scratch.File("whole.tar"), Words, "1.0.0", TimeProvider.System, default);
        Directory.CreateDirectory(To);
        await File.WriteAllTextAsync(Path.Combine(To, "secrets.json"), "newer");
        await Assert.ThrowsAsync<IOException>(() => Backup.RestoreAsync(_scratch.File("whole.tar"), To, () => Words, default));
        Assert.Equal("newer", await File.ReadAllTextAsync(Path.Combine(To, "secrets.json")));
        Assert.Single(Directory.EnumerateFileSystemEntries(To));
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("blobs/../../evil")]
    [InlineData("/etc/evil")]
    [InlineData("other")]
    public async Task A_file_that_is_no_backup_is_refused_and_leaves_nothing(string name)
    {
        await using (var tar = new TarWriter(File.Create(Tar)))
        {
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream([1]) });
        }

        await Assert.ThrowsAsync<InvalidDataException>(() => Backup.RestoreAsync(Tar, To, () => "", default));
        await File.WriteAllTextAsync(Tar, "no tar at all, and longer than a block " + new string('x', 2_000));
        await Assert.ThrowsAsync<InvalidDataException>(() => Backup.RestoreAsync(Tar, To, () => "", default));
        Assert.Empty(Directory.EnumerateFileSystemEntries(To));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_scratch.Path).Count());
    }

    [Fact]
    public async Task A_backup_that_is_cut_off_or_damaged_is_refused()
    {
        await MakeAsync();
        await Backup.CreateAsync(From, Tar, null, "1.0.0", TimeProvider.System, default);
        var whole = await File.ReadAllBytesAsync(Tar);
        foreach (var length in new[] { 100, 600, 3_000, whole.Length / 2, whole.Length - 2_560 })
        {
            await File.WriteAllBytesAsync(Tar, whole[..length]);
            await Assert.ThrowsAsync<InvalidDataException>(() => Backup.RestoreAsync(Tar, To, () => "", default));
        }
    }

    [Fact]
    public async Task What_grows_while_it_is_copied_spoils_no_backup()
    {
        await MakeAsync();
        var path = Path.Combine(From, "blobs", "out", "grows");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.ReadWrite))
        {
            var block = new byte[1 << 20];
            block.AsSpan().Fill((byte)'x');
            for (var i = 0; i < 30; i++) await file.WriteAsync(block);
            using var stop = new CancellationTokenSource();
            var growing = Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    await file.WriteAsync(block.AsMemory(0, 1_000), CancellationToken.None);
                    await file.FlushAsync(CancellationToken.None);
                }
            });
            await Backup.CreateAsync(From, Tar, null, "1.0.0", TimeProvider.System, default);
            await stop.CancelAsync();
            await growing;
        }

        await Backup.RestoreAsync(Tar, To, () => "", default);
        Assert.InRange(new FileInfo(Path.Combine(To, "blobs", "out", "grows")).Length, 30 << 20, long.MaxValue);
    }

    [Fact]
    public async Task A_log_that_is_left_of_another_database_is_not_played_into_the_restored_one()
    {
        await MakeAsync();
        await Backup.CreateAsync(From, Tar, null, "1.0.0", TimeProvider.System, default);
        Directory.CreateDirectory(To);
        await File.WriteAllTextAsync(Path.Combine(To, "fleet.db-wal"), "left");
        await Assert.ThrowsAsync<IOException>(() => Backup.RestoreAsync(Tar, To, () => "", default));
        Assert.Single(Directory.EnumerateFileSystemEntries(To));
    }

    private async Task MakeAsync()
    {
        Directory.CreateDirectory(From);
        using var database = new SqliteDatabase(Path.Combine(From, Backup.Database), Limits.Default);
        await new SqliteTables(database, TimeProvider.System)["T"].WriteAsync(Write.Insert(new("p", "r"), []), default);
        await new FileSecrets(Path.Combine(From, "secrets.json"), TimeProvider.System).AddAsync("key", "value", default);
    }
}
