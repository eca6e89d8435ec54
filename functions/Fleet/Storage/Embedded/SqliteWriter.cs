using System.Diagnostics;
using System.Threading.Channels;
using Fleet.Kernel;
using Microsoft.Data.Sqlite;

namespace Fleet.Storage.Embedded;

/// <summary>The one thread that writes. What queued up during a commit is the next transaction, so one fsync serves all who wait.</summary>
/// <remarks>There is no waiting window: at rest a write is committed at once, under load transactions grow by themselves.</remarks>
internal sealed class SqliteWriter : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Channel<Work> _queue;
    private readonly Thread _thread;
    private readonly int _most;
    private readonly TimeSpan _patience;
    private readonly Action _check;

    /// <param name="connection">Becomes the writer's.</param>
    /// <param name="limits">How many writes may wait, and for how long.</param>
    /// <param name="check">Throws if the file is not there any more. Is called before each commit.</param>
    public SqliteWriter(SqliteConnection connection, Limits limits, Action check)
    {
        _check = check;
        _connection = connection;
        (_most, _patience) = (limits.QueuedWrites, limits.WritePatience);
        _queue = Channel.CreateBounded<Work>(new BoundedChannelOptions(_most) { SingleReader = true });
        _thread = new Thread(Pump) { Name = "sqlite writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Transactions committed since the start: one fsync each.</summary>
    public long Commits { get; private set; }

    /// <summary>Runs statements inside the next transaction; returns when it is durable.</summary>
    /// <param name="statements">Must leave nothing behind when it throws: check, then write. <paramref name="several"/> undoes it otherwise.</param>
    /// <param name="several">More than one statement writes: they are undone together if one throws.</param>
    /// <param name="ct">Looked at until the work is queued; what is queued is done.</param>
    /// <exception cref="StorageBusyException">The queue is full.</exception>
    /// <exception cref="StorageUnavailableException">The commit failed; nothing was written.</exception>
    public Task<T> RunAsync<T>(Func<SqliteConnection, T> statements, bool several, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var work = new Work<T>(statements, several);
        if (!_queue.Writer.TryWrite(work))
        {
            throw _queue.Reader.Completion.IsCompleted || _queue.Reader.Count < _most
                ? new StorageUnavailableException("The database is closing.")
                : new StorageBusyException(_most);
        }

        return WaitAsync(work.Done);
    }

    /// <summary>Whoever waits is told in time to come again; what it wrote may be there by then, and writing it again does no harm.</summary>
    private async Task<T> WaitAsync<T>(Task<T> done)
    {
        try
        {
            return await done.WaitAsync(_patience);
        }
        catch (TimeoutException)
        {
            throw new StorageUnavailableException($"The database has not answered for {_patience.TotalSeconds:0} s: its disk is slow, or another process holds it.");
        }
    }

    /// <summary>Commits what is queued and takes no more.</summary>
    public void Drain()
    {
        _queue.Writer.TryComplete();
        _thread.Join();
    }

    public void Dispose()
    {
        Drain();
        _connection.Dispose();
    }

    private void Pump()
    {
        var batch = new List<Work>();
        while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < 1_000 && _queue.Reader.TryRead(out var work)) batch.Add(work);
            Commit(batch);
            batch.Clear();
        }
    }

    private void Commit(List<Work> batch)
    {
        // Nobody would hear of their end.
        foreach (var stale in batch.Where(work => Stopwatch.GetElapsedTime(work.QueuedAt) > _patience)) stale.Fail(new StorageUnavailableException("The write waited too long for the disk."));
        batch.RemoveAll(work => work.HasFailed);
        if (batch.Count == 0) return;
        try
        {
            SqliteDatabase.Run(_connection, "BEGIN IMMEDIATE");
            foreach (var work in batch) work.Run(_connection);
            _check();
            SqliteDatabase.Run(_connection, "COMMIT");
            Commits++;
        }
        catch (Exception fault) when (fault is SqliteException or StorageUnavailableException)
        {
            TryRollBack();
            foreach (var work in batch) work.Fail(fault as StorageUnavailableException ?? new StorageUnavailableException($"The database cannot be written: {fault.Message}", fault));
            return;
        }

        foreach (var work in batch) work.Finish();
    }

    private void TryRollBack()
    {
        try
        {
            SqliteDatabase.Run(_connection, "ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself.
        }
    }

    private abstract class Work
    {
        public long QueuedAt { get; } = Stopwatch.GetTimestamp();

        public abstract bool HasFailed { get; }

        public abstract void Run(SqliteConnection connection);

        public abstract void Finish();

        public abstract void Fail(Exception fault);
    }

    private sealed class Work<T>(Func<SqliteConnection, T> statements, bool several) : Work
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;
        private Exception? _refused;

        public Task<T> Done => _done.Task;

        public override bool HasFailed => _done.Task.IsFaulted;

        public override void Run(SqliteConnection connection)
        {
            if (several) SqliteDatabase.Run(connection, "SAVEPOINT work");
            try
            {
                _result = statements(connection);
            }
            catch (Exception fault) when (fault is not SqliteException)
            {
                _refused = fault;
                if (several) SqliteDatabase.Run(connection, "ROLLBACK TO work");
            }

            if (several) SqliteDatabase.Run(connection, "RELEASE work");
        }

        public override void Finish()
        {
            if (_refused is null) _done.SetResult(_result!);
            else _done.SetException(_refused);
        }

        public override void Fail(Exception fault) => _done.SetException(fault);
    }
}
