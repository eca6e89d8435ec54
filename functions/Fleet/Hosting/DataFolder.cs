using Fleet.Kernel;

namespace Fleet.Hosting;

/// <summary>The files of a server on one machine.</summary>
internal sealed record DataFolder(string Path)
{
    public string Database => In("fleet.db");

    public string Secrets => In("secrets.json");

    public string Blobs => In("blobs");

    public string Certificate => In("certs", "fleet.crt");

    public string CertificateKey => In("certs", "fleet.key");

    public string EnrollSecret => In("enroll-secret");

    public string Flags => In("osquery.flags");

    /// <summary>Where alerters and sinks write files, unless a setting names other folders.</summary>
    public string Out => In("out");

    /// <summary>Whether there is a store in it.</summary>
    public bool IsNew => !File.Exists(Database);

    /// <summary>Makes the folder, for its owner alone.</summary>
    /// <exception cref="SettingsException">It cannot be made or written.</exception>
    public void Make()
    {
        try
        {
            foreach (var folder in new[] { Path, In("certs"), Out })
            {
                PrivateFile.MakeFolder(folder);
                PrivateFile.Restrict(folder);
            }

            // Whatever copied them here, or made them under another umask.
            foreach (var file in new[] { Database, Database + "-wal", Database + "-shm", Secrets, CertificateKey, EnrollSecret }.Where(File.Exists)) PrivateFile.Restrict(file);
            using var probe = new FileStream(In("probe"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException($"The data folder {Path} cannot be used: {fault.Message}");
        }
    }

    /// <summary>Writes a file that its owner alone can read.</summary>
    public static async Task WritePrivateAsync(string path, string text, CancellationToken ct)
    {
        await using var file = new StreamWriter(path, PrivateFile.Options(FileMode.Create));
        await file.WriteAsync(text.AsMemory(), ct);
    }

    /// <summary>Waits until no other process prepares the folder.</summary>
    public async Task<IDisposable> TakeTurnAsync(CancellationToken ct)
    {
        for (; ; )
        {
            try
            {
                return new FileStream(In("prepare.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Directory.Exists(Path))
            {
                await Task.Delay(100, ct);
            }
        }
    }

    private string In(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);
}
