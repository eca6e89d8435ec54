using Fleet.Kernel;

namespace Fleet.Alerts;

/// <summary>Writes each alert as a JSON line to a file, or to the console when no path is given.</summary>
internal sealed class LogAlerter(string? path, OutFolders folders) : IAlerter
{
    private static readonly SemaphoreSlim s_writing = new(1);

    public async ValueTask<Delivery> DeliverAsync(Notice notice, CancellationToken ct)
    {
        byte[] line = [.. AlertText.Json(notice), (byte)'\n'];
        await s_writing.WaitAsync(ct);
        try
        {
            if (path is null)
            {
                await using var console = Console.OpenStandardOutput();
                await console.WriteAsync(line, ct);
            }
            else
            {
                await LineFile.AppendAsync(folders.Prepare(path), line, isDurable: false, ct);
            }

            return Delivery.Ok;
        }
        finally
        {
            s_writing.Release();
        }
    }
}
