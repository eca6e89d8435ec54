using Fleet.Shared;
using Fleet.Kernel;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Storage;

public sealed class SqliteDatabaseTests
{
    [Fact]
    public async Task Writes_that_wait_together_share_a_commit()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        await table.WriteAsync(Write.Insert(new("p", "first"), []), default);
        using var gate = new ManualResetEventSlim();
        var blocked = database.Writer.RunAsync(_ => { gate.Wait(); return 0; }, several: false, default);
        var before = database.Writer.Commits;

        var writes = Enumerable.Range(0, 200).Select(i => table.WriteAsync(Write.Insert(new("p", "r" + i), []), default).AsTask()).ToList();
        gate.Set();
        await Task.WhenAll(writes);
        await blocked;

        Assert.InRange(database.Writer.Commits - before, 1, 3);
    }

    [Fact]
    public async Task A_write_that_waits_too_long_is_told_and_is_not_done_later()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default with { WritePatience = TimeSpan.FromMilliseconds(50) });
        using var entered = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var isDone = false;
        try
        {
            var blocked = database.Writer.RunAsync(_ => { entered.Set(); gate.Wait(); return 0; }, several: false, default);
            entered.Wait();
            var late = database.Writer.RunAsync(_ => isDone = true, several: false, default);
            await Assert.ThrowsAsync<StorageUnavailableException>(() => late);
            await Assert.ThrowsAsync<StorageUnavailableException>(() => blocked);

            // A timer may be a little early: after one that began later it is certain.
            await Assert.ThrowsAsync<StorageUnavailableException>(() => database.Writer.RunAsync(_ => 0, several: false, default));
        }
        finally
        {
            gate.Set();
        }

        database.Writer.Drain();
        Assert.False(isDone);
    }

    [Fact]
    public async Task After_a_checkpoint_the_file_alone_is_whole()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        await new SqliteTables(database, TimeProvider.System)["T"].WriteAsync(Write.Insert(new("p", "first"), []), default);
        database.Checkpoint();
        File.Copy(scratch.File("a.db"), scratch.File("copy.db"));
        using var copy = new SqliteDatabase(scratch.File("copy.db"), Limits.Default);
        Assert.NotNull(await new SqliteTables(copy, TimeProvider.System)["T"].FindAsync(new("p", "first"), default));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_is_moved_or_replaced_while_it_is_open_is_a_fault_and_no_empty_store(bool isReplaced)
    {
        if (OperatingSystem.IsWindows()) return;
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        await table.WriteAsync(Write.Insert(new("p", "first"), []), default);
        foreach (var file in Directory.EnumerateFiles(scratch.Path, "a.db*").ToList()) File.Move(file, file.Replace("a.db", "moved.db", StringComparison.Ordinal));
        using var other = isReplaced ? new SqliteDatabase(scratch.File("a.db"), Limits.Default) : null;
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await table.FindAsync(new("p", "first"), default));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await table.WriteAsync(Write.Insert(new("p", "second"), []), default));
        Assert.Equal(isReplaced, File.Exists(scratch.File("a.db")));
    }

    [Fact]
    public async Task A_conflict_fails_its_own_write_and_not_the_others_of_the_commit()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        await table.WriteAsync(Write.Insert(new("p", "taken"), []), default);
        using var gate = new ManualResetEventSlim();
        var blocked = database.Writer.RunAsync(_ => { gate.Wait(); return 0; }, several: false, default);

        var good = table.WriteAsync(Write.Insert(new("p", "a"), []), default).AsTask();
        var bad = table.WriteAllAsync([Write.Insert(new("p", "b"), []), Write.Insert(new("p", "taken"), [])], default).AsTask();
        var alsoGood = table.WriteAsync(Write.Insert(new("p", "c"), []), default).AsTask();
        gate.Set();
        await blocked;
        await good;
        await alsoGood;
        await Assert.ThrowsAsync<ConflictException>(() => bad);

        Assert.Equal(["a", "c", "taken"], (await table.PageAsync(KeyRange.Everything, 10, null, default)).Items.Select(row => row.Key.Row));
    }

    [Fact]
    public async Task A_full_queue_says_busy_and_writes_nothing_of_it()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default with { QueuedWrites = 2 });
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        using var entered = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var blocked = database.Writer.RunAsync(_ => { entered.Set(); gate.Wait(); return 0; }, several: false, default);
        entered.Wait();
        var waiting = new[] { "a", "b" }.Select(row => table.WriteAsync(Write.Insert(new("p", row), []), default).AsTask()).ToList();

        await Assert.ThrowsAsync<StorageBusyException>(async () => await table.WriteAsync(Write.Insert(new("p", "c"), []), default));
        gate.Set();
        await blocked;
        await Task.WhenAll(waiting);
        Assert.Equal(2, (await table.PageAsync(KeyRange.Everything, 10, null, default)).Items.Count);
    }

    [Fact]
    public async Task Two_processes_share_a_file_and_a_table_dropped_by_one_is_made_again_by_the_other()
    {
        using var scratch = new Scratch();
        using var first = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        using var second = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var (a, b) = (new SqliteTables(first, TimeProvider.System), new SqliteTables(second, TimeProvider.System));
        await a["T"].WriteAsync(Write.Insert(new("p", "a"), []), default);
        await b["T"].WriteAsync(Write.Insert(new("p", "b"), []), default);
        Assert.Equal(2, (await a["T"].PageAsync(KeyRange.Everything, 10, null, default)).Items.Count);

        await b.DropAsync("T", default);
        await a["T"].WriteAsync(Write.Merge(new("p", "c"), new Columns { ["A"] = 1L }), default);
        Assert.Single((await b["T"].PageAsync(KeyRange.Everything, 10, null, default)).Items);
    }

    [Fact]
    public async Task A_row_that_is_not_what_was_written_is_the_stores_fault_and_leaves_the_others()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        await table.WriteAsync(Write.Insert(new("p", "bad"), new Columns { ["a"] = "text" }), default);
        await table.WriteAsync(Write.Insert(new("p", "good"), new Columns { ["a"] = "text" }), default);
        foreach (var bytes in new[] { "''", "x'FFFFFFFFFF'", "x'0101617A'", "x'0101617305'", "x'01FF'" })
        {
            await database.Writer.RunAsync(connection => { SqliteDatabase.Run(connection, $"UPDATE T SET c = {bytes} WHERE r = 'bad'"); return 0; }, several: false, default);
            await Assert.ThrowsAsync<StorageDamagedException>(async () => await table.FindAsync(new("p", "bad"), default));
            Assert.NotNull(await table.FindAsync(new("p", "good"), default));
        }
    }

    /// <summary>The one that waits, for four seconds: that it ends is what it is about.</summary>
    [Fact]
    public async Task A_database_that_another_process_holds_is_an_error_before_an_agent_gives_up()
    {
        using var scratch = new Scratch();
        using var database = new SqliteDatabase(scratch.File("a.db"), Limits.Default);
        var table = new SqliteTables(database, TimeProvider.System)["T"];
        await table.WriteAsync(Write.Insert(new("p", "a"), []), default);
        using var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={scratch.File("a.db")};Pooling=False");
        other.Open();
        SqliteDatabase.Run(other, "BEGIN IMMEDIATE");
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var writes = Enumerable.Range(0, 3).Select(i => table.WriteAsync(Write.Insert(new("p", "b" + i), []), default).AsTask()).ToList();
        foreach (var write in writes) await Assert.ThrowsAsync<StorageUnavailableException>(() => write);
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(10));
        SqliteDatabase.Run(other, "ROLLBACK");
        await table.WriteAsync(Write.Insert(new("p", "c"), []), default);
        Assert.NotNull(await table.FindAsync(new("p", "a"), default));
    }
}
