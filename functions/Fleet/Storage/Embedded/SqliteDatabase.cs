using System.Collections.Concurrent;
using Fleet.Kernel;
using Microsoft.Data.Sqlite;

namespace Fleet.Storage.Embedded;

/// <summary>The database file: one writer, and readers that never wait for it (write-ahead log).</summary>
/// <remarks>Several processes may open the same file; each has its own writer, and SQLite lets one commit at a time.</remarks>
internal sealed class SqliteDatabase : IDisposable
{
    /// <summary>SQLITE_SCHEMA.</summary>
    private const int SchemaChanged = 17;
    private const int SchemaTries = 20;

    /// <summary>Seconds that a read waits for a lock of another process. A call makes several, and an agent gives up after 16 s.</summary>
    private const int ReaderPatience = 2;

    /// <summary>The same for a commit. What was queued meanwhile may wait for a second one.</summary>
    private const int WriterPatience = 4;

    /// <summary>"FLEE", by which SQLite's tools tell whose file it is.</summary>
    private const int ApplicationId = 0x464C4545;

    private readonly string _path;
    private static readonly TimeSpan s_checkpoint = TimeSpan.FromSeconds(30);
    private readonly SqliteAnchor _anchor;

    private readonly ConcurrentBag<SqliteConnection> _idle = [];
    private readonly Timer _checkpoints;
    private long _checkpointed;
    private volatile bool _disposed;

    public SqliteDatabase(string path, Limits limits)
    {
        SqliteMemory.Init();
        _path = path;
        var connection = Open(SqliteOpenMode.ReadWriteCreate, WriterPatience);
        try
        {
            Claim(connection, path);
            Run(connection, "PRAGMA journal_mode=WAL");
        }
        catch (Exception fault)
        {
            connection.Dispose();
            throw fault is SqliteException ? new StorageUnavailableException($"{path} cannot be used: {fault.Message} If it is damaged, move it away together with {path}-wal and {path}-shm, and restore a backup ('fleet restore').", fault) : fault;
        }

        PrivateFile.Restrict(path);
        _anchor = new(Open(), path);
        Writer = new SqliteWriter(connection, limits, _anchor.Check);
        _checkpoints = new Timer(_ => Checkpoint(), null, s_checkpoint, s_checkpoint);
    }

    public SqliteWriter Writer { get; }

    /// <summary>Runs a read on a connection of its own; again if the tables changed under it.</summary>
    /// <exception cref="StorageUnavailableException">The file cannot be read.</exception>
    public T Read<T>(Func<SqliteConnection, T> read)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        _anchor.Check();
        if (!_idle.TryTake(out var connection)) connection = Open();
        try
        {
            for (var left = SchemaTries; ; left--)
            {
                try
                {
                    return read(connection);
                }
                catch (SqliteException fault) when (fault.SqliteErrorCode == SchemaChanged && left > 1)
                {
                    // A table was made, perhaps the very one, while the statement was prepared. A new connection knows all that there are.
                    var other = Open();
                    connection.Dispose();
                    connection = other;
                    Thread.Yield();
                }
            }
        }
        catch (SqliteException fault)
        {
            throw new StorageUnavailableException($"The database cannot be read: {fault.Message}", fault);
        }
        finally
        {
            if (_disposed) connection.Dispose();
            else _idle.Add(connection);
        }
    }

    public void Dispose()
    {
        _checkpoints.Dispose();
        Writer.Drain();
        Checkpoint("TRUNCATE");
        _disposed = true;
        Writer.Dispose();
        while (_idle.TryTake(out var connection)) connection.Dispose();
        _anchor.Dispose();
    }

    /// <summary>Milliseconds that SQLite itself waits. Microsoft.Data.Sqlite tries again what SQLite calls busy, as long as a command may take: both together wait as long as they should.</summary>
    private static int BusyTimeout(int patience) => patience * 500;

    /// <summary>Marks a new database as ours, and makes no tables in one that is not.</summary>
    private static void Claim(SqliteConnection connection, string path)
    {
        using var look = connection.CreateCommand();
        look.CommandText = "SELECT (SELECT application_id FROM pragma_application_id), count(*), sum(name IN ('Changes', 'Upkeep', 'bus')) FROM sqlite_master WHERE type = 'table'";
        using var found = look.ExecuteReader();
        found.Read();
        if (found.GetInt64(0) == ApplicationId) return;
        var isOurs = found.GetInt64(1) == 0 || found.GetInt64(2) > 0;
        if (found.GetInt64(0) != 0 || !isOurs) throw new StorageUnavailableException($"{path} is another program's database: name another folder with --data.");
        found.Close();
        Run(connection, $"PRAGMA application_id={ApplicationId}");
    }

    /// <summary>Folds the write-ahead log into the file, so that a copy of the folder is whole. Waits for nobody.</summary>
    internal void Checkpoint(string mode = "PASSIVE")
    {
        var commits = Writer.Commits;
        if (_disposed || commits == _checkpointed) return;
        try
        {
            Read(connection =>
            {
                Run(connection, $"PRAGMA busy_timeout=0; PRAGMA wal_checkpoint({mode}); PRAGMA busy_timeout={BusyTimeout(ReaderPatience)}");
                return true;
            });
            _checkpointed = commits;
        }
        catch (Exception fault) when (fault is StorageUnavailableException or ObjectDisposedException)
        {
            // The next one does it; SQLite itself does when the log has grown.
        }
    }

    internal static void Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Only the first makes the file: once it was there, one that is gone is a fault, and not a new and empty store.</summary>
    private SqliteConnection Open(SqliteOpenMode mode = SqliteOpenMode.ReadWrite, int patience = ReaderPatience)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false, Mode = mode, DefaultTimeout = patience }.ToString());
        try
        {
            connection.Open();
            // FULL: a commit returns when the log is on the disk. The write-ahead log may grow to 64 MB before it is folded in.
            Run(connection, $"PRAGMA busy_timeout={BusyTimeout(patience)}; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16384; PRAGMA temp_store=MEMORY");
            return connection;
        }
        catch (SqliteException fault)
        {
            connection.Dispose();
            throw new StorageUnavailableException($"{_path} cannot be opened: {fault.Message}", fault);
        }
    }
}
