using Fleet.Alerts;
using Fleet.Kernel;

namespace Fleet.Sinks;

/// <summary>JSON lines in a file, on the disk before they count as sent. A file that is full is renamed to <c>NAME.1</c>, that to <c>NAME.2</c> and so on.</summary>
internal sealed class FileSink(string name, OutFolders folders, long mostBytes, int files) : ISink
{
    private readonly SemaphoreSlim _writing = new(1);

    public async ValueTask<Delivery> SendAsync(IReadOnlyList<SinkRecord> records, CancellationToken ct)
    {
        await _writing.WaitAsync(ct);
        try
        {
            var path = folders.Prepare(name);
            if (File.Exists(path) && new FileInfo(path).Length >= mostBytes) Turn(path);
            await LineFile.AppendAsync(path, SinkRecord.Lines(records), isDurable: true, ct);
            return Delivery.Ok;
        }
        finally
        {
            _writing.Release();
        }
    }

    private void Turn(string path)
    {
        for (var number = files - 1; number >= 1; number--)
        {
            var from = number == 1 ? path : $"{path}.{number - 1}";
            if (File.Exists(from)) File.Move(from, $"{path}.{number}", overwrite: true);
        }

        // A single file is kept by beginning anew.
        if (files == 1) File.Delete(path);
    }
}
