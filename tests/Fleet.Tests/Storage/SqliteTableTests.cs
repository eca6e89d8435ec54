using Fleet.Shared;
using Fleet.Kernel;
using Fleet.Storage;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Storage;

public sealed class SqliteTableTests : TableContract
{
    private readonly Scratch _scratch = new();
    private readonly SqliteDatabase _database;

    public SqliteTableTests() => _database = new(_scratch.File("test.db"), Limits.Default);

    internal override ValueTask<ITables> OpenEmptyAsync() => ValueTask.FromResult<ITables>(new SqliteTables(_database, TimeProvider.System));

    [Fact]
    public async Task A_table_that_is_not_there_has_no_rows_also_while_others_are_made()
    {
        var tables = await OpenEmptyAsync();
        var making = Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++) await tables["T" + i].WriteAsync(Write.Insert(new("p", "r"), []), default);
        });
        await Parallel.ForAsync(0, 4, async (_, ct) =>
        {
            while (!making.IsCompleted) Assert.Null(await tables["Absent"].FindAsync(new("p", "r"), ct));
        });
        await making;
    }

    public override Task DisposeAsync()
    {
        _database.Dispose();
        _scratch.Dispose();
        return Task.CompletedTask;
    }
}
