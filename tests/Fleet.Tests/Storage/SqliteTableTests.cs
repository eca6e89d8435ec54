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

    public override Task DisposeAsync()
    {
        _database.Dispose();
        _scratch.Dispose();
        return Task.CompletedTask;
    }
}
