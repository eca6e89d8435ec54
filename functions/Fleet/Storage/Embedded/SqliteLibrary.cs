using System.Runtime.InteropServices;
using SQLitePCL;

namespace Fleet.Storage.Embedded;

/// <summary>Functions of SQLite that the package does not name.</summary>
internal static class SqliteLibrary
{
    private static readonly Lazy<nint> s_library = new(() => NativeLibrary.Load("e_sqlite3", typeof(SQLite3Provider_e_sqlite3).Assembly, null));

    /// <exception cref="EntryPointNotFoundException">The library has no such function.</exception>
    public static nint Export(string name) => NativeLibrary.GetExport(s_library.Value, name);
}
