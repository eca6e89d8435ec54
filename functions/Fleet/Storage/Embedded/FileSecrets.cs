using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;

namespace Fleet.Storage.Embedded;

/// <summary>Secrets in one JSON file that only its owner can read (mode 0600). Each write makes a new file and moves it into place.</summary>
internal sealed class FileSecrets(string path, TimeProvider clock) : ISecrets
{
    private readonly SemaphoreSlim _writing = new(1);

    public ValueTask<IReadOnlyList<SecretVersion>> FindAsync(string name, CancellationToken ct) =>
        ValueTask.FromResult<IReadOnlyList<SecretVersion>>(
            Read().TryGetValue(name, out var versions) ? [.. versions.AsEnumerable().Reverse()] : []);

    public ValueTask AddAsync(string name, string value, CancellationToken ct) => ChangeAsync(
        secrets =>
        {
            if (!secrets.TryGetValue(name, out var versions)) secrets[name] = versions = [];
            versions.Add(new(Digest.Of(name, value)[..8], value, clock.GetUtcNow()));
        },
        ct);

    public ValueTask RetireAsync(string name, int keep, CancellationToken ct) => ChangeAsync(
        secrets =>
        {
            if (keep == 0) secrets.Remove(name);
            else if (secrets.TryGetValue(name, out var versions) && versions.Count > keep) secrets[name] = versions[^keep..];
        },
        ct);

    private async ValueTask ChangeAsync(Action<Dictionary<string, List<SecretVersion>>> change, CancellationToken ct)
    {
        await _writing.WaitAsync(ct);
        try
        {
            // Two processes share the folder: the lock file makes one wait for the other.
            using var turn = await TakeTurnAsync(ct);
            var secrets = Read();
            change(secrets);
            var draft = path + ".new";
            await using (var file = new FileStream(draft, PrivateFile.Options(FileMode.Create)))
            {
                await JsonSerializer.SerializeAsync(file, secrets, SecretsJson.Default.DictionaryStringListSecretVersion, ct);
                file.Flush(flushToDisk: true);
            }

            FolderSync.Move(draft, path);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async ValueTask<FileStream> TakeTurnAsync(CancellationToken ct)
    {
        for (var tries = 0; ; tries++)
        {
            try
            {
                return new FileStream(path + ".lock", PrivateFile.Options(FileMode.OpenOrCreate));
            }
            catch (IOException) when (tries < 100)
            {
                await Task.Delay(50, ct);
            }
        }
    }

    private Dictionary<string, List<SecretVersion>> Read()
    {
        if (!File.Exists(path)) return [];
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), SecretsJson.Default.DictionaryStringListSecretVersion) ?? [];
        }
        catch (JsonException fault)
        {
            throw new StorageUnavailableException($"{path} is not the JSON that was written there: {fault.Message}", fault);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Dictionary<string, List<SecretVersion>>))]
internal sealed partial class SecretsJson : JsonSerializerContext;
