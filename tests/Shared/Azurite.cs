using System.Diagnostics;
using System.Globalization;

namespace Fleet.Shared;

/// <summary>Azurite, Microsoft's emulator of Table and Blob Storage, as a process of its own. Each test takes an account that nobody else has.</summary>
internal sealed class Azurite
{
    private const int Accounts = 600;

    /// <summary>The key of every account.</summary>
    public const string Key = "ZmxlZXQtdGVzdHMtZmxlZXQtdGVzdHMtZmxlZXQtdGVzdHM=";

    private static readonly Lazy<Task<Azurite>> s_plain = new(() => StartAsync(certificate: null));
    private static readonly Lazy<Task<Azurite>> s_secure = new(() => StartAsync(TestCertificate.Instance));

    private int _taken;

    private Azurite(Uri tables, Uri blobs) => (Tables, Blobs) = (tables, blobs);

    public Uri Tables { get; }

    public Uri Blobs { get; }

    /// <summary>By plain HTTP, with keys.</summary>
    public static Task<Azurite> PlainAsync() => s_plain.Value;

    /// <summary>By HTTPS, where tokens are taken too.</summary>
    public static Task<Azurite> SecureAsync() => s_secure.Value;

    /// <summary>An empty account.</summary>
    public string NewAccount() => Name(Interlocked.Increment(ref _taken));

    public string ConnectionStringOf(string account) => $"AccountName={account};AccountKey={Key};TableEndpoint={Tables}{account};BlobEndpoint={Blobs}{account}";

    private static string Name(int number) => number <= Accounts ? string.Create(CultureInfo.InvariantCulture, $"account{number:D4}") : throw new InvalidOperationException("Every account is taken: raise Accounts.");

    private static async Task<Azurite> StartAsync(TestCertificate? certificate)
    {
        var script = Path.Combine(RepositoryRoot.Path, "tests", "node_modules", "azurite", "dist", "src", "azurite.js");
        if (!File.Exists(script)) throw new InvalidOperationException("Azurite is not installed: run ./test, or 'npm ci --ignore-scripts' in tests.");
        string[] arguments =
        [
            script, "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
            .. certificate is null ? Array.Empty<string>() : ["--oauth", "basic", "--cert", certificate.Path, "--key", certificate.KeyPath],
        ];
        var process = Process.Start(new ProcessStartInfo("node", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["AZURITE_ACCOUNTS"] = string.Join(';', Enumerable.Range(1, Accounts).Select(i => $"{Name(i)}:{Key}")) },
        })!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => process.Kill(entireProcessTree: true);
        Uri? tables = null, blobs = null;
        while (tables is null || blobs is null)
        {
            var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"Azurite did not start: {await process.StandardError.ReadToEndAsync()}");
            const string Listening = "successfully listening at ";
            if (line.IndexOf(Listening, StringComparison.Ordinal) is not (> 0 and var at)) continue;
            var uri = new Uri(line[(at + Listening.Length)..].Trim());
            if (line.Contains("Table", StringComparison.Ordinal)) tables = uri;
            else if (line.Contains("Blob", StringComparison.Ordinal)) blobs = uri;
        }

        // What it prints from now on is read, so that it never waits for a reader.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
        return new(tables, blobs);
    }
}
