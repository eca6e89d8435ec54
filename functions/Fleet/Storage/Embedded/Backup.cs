using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;
using Microsoft.Data.Sqlite;

namespace Fleet.Storage.Embedded;

/// <summary>What a backup is.</summary>
/// <param name="Format">1; a newer one is refused.</param>
/// <param name="Version">Of the program that made it.</param>
internal sealed record BackupManifest(int Format, DateTimeOffset CreatedAt, string Version, bool HasSecrets);

/// <summary>A data folder as one tar file: the database as it was at one moment, blobs, certificate, and, locked with a passphrase, the secrets. Made while the server runs.</summary>
internal static class Backup
{
    public const string Database = "fleet.db";

    private const int Format = 1;
    private const string Manifest = "manifest.json";
    private const string Blobs = "blobs/";

    /// <summary>The last entry: the number of those before it.</summary>
    private const string End = "end";

    /// <summary>What is in a backup as it is, and what only locked.</summary>
    private static readonly string[] s_open = ["certs/fleet.crt"];
    private static readonly string[] s_database = [Database, Database + "-wal", Database + "-shm", Database + "-journal"];
    private static readonly string[] s_secret = ["secrets.json", "certs/fleet.key", "enroll-secret"];

    /// <summary>Writes a backup: whole, or no file at all.</summary>
    /// <param name="folder">The data folder.</param>
    /// <param name="file">The tar file; it must not be there.</param>
    /// <param name="passphrase">Locks the secrets; null leaves them out.</param>
    /// <param name="version">The program's.</param>
    /// <param name="clock">When it is made.</param>
    /// <param name="ct">Stops it.</param>
    /// <exception cref="IOException">It cannot be written, or is there already.</exception>
    public static async Task CreateAsync(string folder, string file, string? passphrase, string version, TimeProvider clock, CancellationToken ct)
    {
        SqliteMemory.Init();
        if (File.Exists(file)) throw new IOException($"{file} is there already: a backup replaces no file.");
        if (Path.GetDirectoryName(Path.GetFullPath(file)) is { } parent && !Directory.Exists(parent)) throw new IOException($"There is no folder {parent}: make it first.");
        var (draft, copy) = ($"{file}.{Guid.NewGuid():N}", $"{file}.{Guid.NewGuid():N}.db");
        try
        {
            // The secrets first: of the two the database may be the younger, and never the older by more than one count.
            var locked = passphrase is null ? null : Passphrase.Lock(await ReadSecretsAsync(folder, ct), passphrase);
            await using (new FileStream(copy, PrivateFile.Options(FileMode.CreateNew)))
            {
                // For its owner alone from the beginning.
            }

            CopyDatabase(Path.Combine(folder, Database), copy);
            await using (var stream = new FileStream(draft, PrivateFile.Options(FileMode.CreateNew)))
            {
                await using (var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
                {
                    await AddAsync(tar, Manifest, JsonSerializer.SerializeToUtf8Bytes(new BackupManifest(Format, clock.GetUtcNow(), version, locked is not null), BackupJson.Default.BackupManifest), ct);
                    await AddFileAsync(tar, copy, Database, ct);
                    var count = 2;
                    if (locked is not null) count += await AddAsync(tar, Passphrase.FileName, locked, ct);
                    foreach (var name in s_open.Where(name => File.Exists(Path.Combine(folder, name)))) count += await AddFileAsync(tar, Path.Combine(folder, name), name, ct);
                    count += await AddBlobsAsync(tar, Path.Combine(folder, "blobs"), ct);
                    await AddAsync(tar, End, Encoding.ASCII.GetBytes(count.ToString(CultureInfo.InvariantCulture)), ct);
                }

                stream.Flush(flushToDisk: true);
            }

            FolderSync.Move(draft, file);
        }
        finally
        {
            File.Delete(draft);
            File.Delete(copy);
        }
    }

    /// <summary>Puts a backup into a data folder that has no database, once all of it was read and is whole. If it is broken off while files are put in place, it can be begun again.</summary>
    /// <param name="file">The tar file.</param>
    /// <param name="folder">The data folder; made if it is not there.</param>
    /// <param name="askPassphrase">Asked for the passphrase if the backup has secrets.</param>
    /// <param name="ct">Stops it.</param>
    /// <exception cref="IOException">There is a database already, or something cannot be written.</exception>
    /// <exception cref="InvalidDataException">It is no backup, is damaged, or the passphrase is wrong.</exception>
    public static async Task<BackupManifest> RestoreAsync(string file, string folder, Func<string> askPassphrase, CancellationToken ct)
    {
        SqliteMemory.Init();

        // A log that is left of another database would be played into this one.
        if (s_database.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is { } there) throw new IOException($"{there} is there already: move {string.Join(", ", s_database)} away, as far as they are there, or name another folder with --data.");
        var draft = Path.Combine(folder, $"restore-{Guid.NewGuid():N}");
        PrivateFile.MakeFolder(draft);
        try
        {
            await ExtractAsync(file, draft, ct);
            var manifest = ReadManifest(draft);
            CheckDatabase(Path.Combine(draft, Database));
            if (manifest.HasSecrets) await UnlockAsync(draft, askPassphrase(), ct);
            foreach (var name in s_secret.Where(name => Differ(Path.Combine(draft, name), Path.Combine(folder, name)))) throw new IOException($"{Path.Combine(folder, name)} is there already, and is another one than the backup's: move it away, or name another folder with --data.");

            // The database comes last: a restore that broke off can be begun again.
            foreach (var path in Directory.EnumerateFiles(draft, "*", SearchOption.AllDirectories).OrderBy(path => path == Path.Combine(draft, Database)))
            {
                var name = Path.GetRelativePath(draft, path);
                if (name is Manifest or Passphrase.FileName) continue;
                var place = Path.Combine(folder, name);
                PrivateFile.MakeFolder(Path.GetDirectoryName(place)!);
                FolderSync.Move(path, place);
            }

            return manifest;
        }
        finally
        {
            Directory.Delete(draft, recursive: true);
        }
    }

    private static bool Differ(string restored, string there) => File.Exists(restored) && File.Exists(there) && !File.ReadAllBytes(restored).AsSpan().SequenceEqual(File.ReadAllBytes(there));

    private static async Task<Dictionary<string, byte[]>> ReadSecretsAsync(string folder, CancellationToken ct)
    {
        var secrets = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var name in s_secret)
        {
            var path = Path.Combine(folder, name);
            if (File.Exists(path)) secrets[name] = await File.ReadAllBytesAsync(path, ct);
        }

        return secrets;
    }

    /// <summary>SQLite's own online copy: one moment of it, whatever is written meanwhile.</summary>
    private static void CopyDatabase(string from, string to)
    {
        try
        {
            using var source = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = from, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            using var copy = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = to, Pooling = false }.ToString());
            source.Open();
            copy.Open();
            source.BackupDatabase(copy);
        }
        catch (SqliteException fault)
        {
            throw new StorageUnavailableException($"{from} cannot be copied: {fault.Message}", fault);
        }
    }

    private static void CheckDatabase(string path)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA quick_check(1)";
            if (command.ExecuteScalar() as string is not "ok" and var found) throw new InvalidDataException($"The backup's database is damaged: {found}");
        }
        catch (SqliteException fault)
        {
            throw new InvalidDataException($"The backup's database is damaged: {fault.Message}", fault);
        }
    }

    /// <summary>A carve that is removed meanwhile is not in the backup.</summary>
    /// <returns>How many there are.</returns>
    private static async Task<int> AddBlobsAsync(TarWriter tar, string folder, CancellationToken ct)
    {
        var count = 0;
        if (!Directory.Exists(folder)) return count;
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            try
            {
                count += await AddFileAsync(tar, path, Blobs + Path.GetRelativePath(folder, path).Replace('\\', '/'), ct);
            }
            catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
            {
                // Gone between the listing and the read.
            }
        }

        return count;
    }

    /// <summary>As much of a file as there is now: sinks go on writing to theirs, and an entry that became longer than it says would spoil all that follow.</summary>
    private static async Task<int> AddFileAsync(TarWriter tar, string path, string name, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        await using var now = new FirstBytesStream(file, file.Length);
        return await AddAsync(tar, name, now, ct);
    }

    private static async Task<int> AddAsync(TarWriter tar, string name, byte[] bytes, CancellationToken ct) => await AddAsync(tar, name, new MemoryStream(bytes), ct);

    /// <returns>One: an entry.</returns>
    private static async Task<int> AddAsync(TarWriter tar, string name, Stream bytes, CancellationToken ct)
    {
        await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = bytes, Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite }, ct);
        return 1;
    }

    private static async Task ExtractAsync(string file, string folder, CancellationToken ct)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read);
        await using var tar = new TarReader(stream);
        var count = 0;
        var isWhole = false;
        try
        {
            while (await tar.GetNextEntryAsync(copyData: false, ct) is { } entry)
            {
                if (isWhole) throw new InvalidDataException($"{file} goes on behind its end.");
                if (entry.Name == End)
                {
                    using var end = new StreamReader(entry.DataStream ?? Stream.Null);
                    isWhole = await end.ReadToEndAsync(ct) == count.ToString(CultureInfo.InvariantCulture);
                    if (!isWhole) throw new InvalidDataException($"{file} is damaged: it does not hold what it should.");
                    continue;
                }

                count++;
                if (!IsKnown(entry)) throw new InvalidDataException($"{file} is no backup of Fleet's: it holds '{entry.Name}'.");
                var path = Path.Combine(folder, entry.Name.Replace('/', Path.DirectorySeparatorChar));
                PrivateFile.MakeFolder(Path.GetDirectoryName(path)!);
                await using var to = new FileStream(path, PrivateFile.Options(FileMode.CreateNew));
                if (entry.DataStream is { } data) await data.CopyToAsync(to, ct);
                to.Flush(flushToDisk: true);
            }
        }
        catch (Exception fault) when (fault is EndOfStreamException or FormatException)
        {
            throw new InvalidDataException($"{file} is no tar file, or is cut off: {fault.Message}", fault);
        }

        if (!isWhole) throw new InvalidDataException($"{file} is no backup of Fleet's, or is cut off: its last entry is missing.");
    }

    private static bool IsKnown(TarEntry entry) => entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile
        && (entry.Name is Manifest or Database or Passphrase.FileName || s_open.Contains(entry.Name)
            || (entry.Name.StartsWith(Blobs, StringComparison.Ordinal) && !entry.Name.Split('/').Any(part => part is "" or "." or "..") && !entry.Name.Contains('\\', StringComparison.Ordinal)));

    private static BackupManifest ReadManifest(string folder)
    {
        var path = Path.Combine(folder, Manifest);
        var manifest = File.Exists(path) && File.Exists(Path.Combine(folder, Database)) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), BackupJson.Default.BackupManifest) : null;
        if (manifest is null) throw new InvalidDataException("This is no backup of Fleet's: it has no manifest, or no database.");
        return manifest.Format <= Format ? manifest : throw new InvalidDataException($"The backup was made by a newer version, {manifest.Version}: update this program first.");
    }

    private static async Task UnlockAsync(string folder, string passphrase, CancellationToken ct)
    {
        foreach (var (name, bytes) in Passphrase.Unlock(await File.ReadAllBytesAsync(Path.Combine(folder, Passphrase.FileName), ct), passphrase))
        {
            if (!s_secret.Contains(name)) throw new InvalidDataException($"The backup's secrets hold '{name}', which is none.");
            var path = Path.Combine(folder, name);
            PrivateFile.MakeFolder(Path.GetDirectoryName(path)!);
            await using var file = new FileStream(path, PrivateFile.Options(FileMode.CreateNew));
            await file.WriteAsync(bytes, ct);
            file.Flush(flushToDisk: true);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(BackupManifest))]
[JsonSerializable(typeof(LockedFiles))]
[JsonSerializable(typeof(Dictionary<string, byte[]>))]
internal sealed partial class BackupJson : JsonSerializerContext;
