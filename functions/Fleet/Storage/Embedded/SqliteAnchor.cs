using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Fleet.Storage.Embedded;

/// <summary>Holds the database file that was opened first, and tells when another one, or none, is where it was: what is written then is lost, and what is read is not what was there.</summary>
internal sealed unsafe class SqliteAnchor(SqliteConnection connection, string path) : IDisposable
{
    /// <summary>SQLITE_FCNTL_HAS_MOVED: SQLite compares the file that it holds with the one of that name.</summary>
    private const int HasMoved = 20;

    private static readonly nint s_fileControl = SqliteLibrary.Export("sqlite3_file_control");

    private readonly Lock _one = new();
    private bool _isDisposed;

    /// <exception cref="StorageUnavailableException">The file was moved, deleted or replaced.</exception>
    public void Check()
    {
        var hasMoved = 0;
        lock (_one)
        {
            // Windows lets nobody move a file that is open, and its SQLite does not know the question.
            if (_isDisposed || ((delegate* unmanaged<nint, byte*, int, int*, int>)s_fileControl)(connection.Handle!.DangerousGetHandle(), null, HasMoved, &hasMoved) != raw.SQLITE_OK) return;
        }

        if (hasMoved != 0) throw new StorageUnavailableException($"{path} was moved, deleted or replaced while the server runs. Put it back, or restart the server with the one that is to be used.");
    }

    public void Dispose()
    {
        lock (_one)
        {
            _isDisposed = true;
            connection.Dispose();
        }
    }
}
