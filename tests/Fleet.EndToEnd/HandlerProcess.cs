using Fleet.Shared;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Fleet.EndToEnd;

/// <summary>The custom handler: started as host.json says, ready when <c>GET /</c> gets any answer, started again when it dies, ended without a signal.</summary>
internal sealed class HandlerProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly string _folder;
    private readonly JsonNode _description;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly Action<string?> _print;
    private readonly int _port = Ports.Free();
    private readonly HttpClient _http = new();
    private Process? _process;
    private Task _watch = Task.CompletedTask;
    private volatile bool _isStopping;
    private volatile TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public HandlerProcess(string folder, JsonNode description, IReadOnlyDictionary<string, string> settings, Action<string?> print) =>
        (_folder, _description, _settings, _print) = (folder, description, settings, print);

    public Uri Url => new($"http://127.0.0.1:{_port}/");

    public bool IsRunning => !_isStopping && _process is { HasExited: false };

    /// <summary>Done when it answers. The host hands over nothing before that, after a restart too.</summary>
    public Task Ready => _ready.Task;

    /// <summary>How often it was started.</summary>
    public int Starts { get; private set; }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo((string)_description["defaultExecutablePath"]!, _description["arguments"]!.AsArray().Select(argument => (string)argument!))
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _settings) start.Environment[name] = value;
        var port = _port.ToString(CultureInfo.InvariantCulture);
        foreach (var name in new[] { "FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_HTTPWORKER_PORT" }) start.Environment[name] = port;
        start.Environment["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] = Guid.NewGuid().ToString();
        start.Environment["FUNCTIONS_APP_ROOT_PATH"] = _folder;
        Starts++;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => _print(line.Data);
        _process.ErrorDataReceived += (_, line) => _print(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _watch = WatchAsync(_process);
        await WaitUntilReadyAsync(_process);
        _ready.TrySetResult();
    }

    /// <summary>Ends it without a signal; the host starts it again.</summary>
    public void Kill() => _process!.Kill();

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        _ready.TrySetResult();
        if (_process is { HasExited: false }) _process.Kill();
        await _watch;
        _process?.Dispose();
        _http.Dispose();
    }

    private async Task WaitUntilReadyAsync(Process process)
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(Url);
                return;
            }
            catch (HttpRequestException) when (!process.HasExited && Stopwatch.GetElapsedTime(began) < s_patience)
            {
                await Task.Delay(25);
            }
        }
    }

    private async Task WatchAsync(Process process)
    {
        await process.WaitForExitAsync();
        var wasReady = _ready.Task.IsCompleted;
        _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_isStopping || (!wasReady && Starts == 1)) return;
        try
        {
            await StartAsync();
        }
        catch (HttpRequestException)
        {
            // It died before it was ready; its own watch starts the next.
        }
    }
}
