using Fleet.Kernel;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Fleet.Tests.Support;

namespace Fleet.Tests.Storage;

public sealed class SqliteTableTests : TableContract, IDisposable
{
    private readonly Scratch _scratch = new();
    private readonly SqliteDatabase _database;

    public SqliteTableTests()
    {
        _database = new(_scratch.File("test.db"), Limits.Default);
        Tables = new SqliteTables(_database, TimeProvider.System);
    }

    internal override ITables Tables { get; }

    public void Dispose()
    {
        _database.Dispose();
        _scratch.Dispose();
    }
}
