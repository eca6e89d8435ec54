using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Fleet.EndToEnd.Rpc;
using Fleet.Shared;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.EndToEnd;

/// <summary>The isolated worker: started as worker.config.json says, ready when its functions are loaded, started again when it dies.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>How long the real host took to notice that its worker is dead.</summary>
    private static readonly TimeSpan s_notice = TimeSpan.FromMilliseconds(300);

    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly Action<string?> _print;
    private readonly ConcurrentDictionary<string, WorkerChannel> _channels = new();
    private FakeService? _rpc;
    private Process? _process;
    private Task _watch = Task.CompletedTask;
    private volatile bool _isStopping;
    private volatile TaskCompletionSource<WorkerChannel> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WorkerProcess(string folder, IReadOnlyDictionary<string, string> settings, Action<string?> print) => (_folder, _settings, _print) = (folder, settings, print);

    public bool IsRunning => !_isStopping && _process is { HasExited: false };

    /// <summary>Done when the worker has loaded its functions. What the host hands over waits for that, after a restart too.</summary>
    public Task<WorkerChannel> Ready => _ready.Task;

    /// <summary>How often it was started.</summary>
    public int Starts { get; private set; }

    /// <param name="folder">What was published.</param>
    /// <param name="settings">The app settings: the worker's environment.</param>
    /// <param name="print">Takes what the worker prints and logs.</param>
    public static async Task<WorkerProcess> StartAsync(string folder, IReadOnlyDictionary<string, string> settings, Action<string?> print)
    {
        var worker = new WorkerProcess(folder, settings, print);
        worker._rpc = await FakeService.StartAsync(
            secure: false, app => app.MapGrpcService<RpcService>(),
            services: services => services.AddSingleton(worker).AddGrpc(grpc => grpc.MaxReceiveMessageSize = null), protocols: HttpProtocols.Http2);
        await worker.StartAsync();
        return worker;
    }

    /// <summary>Time on the processors, and bytes in memory.</summary>
    public (TimeSpan Processor, long Bytes) Usage
    {
        get
        {
            _process!.Refresh();
            return (_process.TotalProcessorTime, _process.WorkingSet64);
        }
    }

    /// <summary>Ends it without a signal; the host starts it again.</summary>
    public void Kill() => _process!.Kill();

    /// <summary>Ends it without a signal, and waits until the host has started another.</summary>
    public async Task RestartAsync()
    {
        var before = Starts;
        Kill();
        await Eventually.TrueAsync(() => Starts > before);
        await Ready;
    }

    /// <summary>Ends it as an instance that is scaled in: with a signal, and some time.</summary>
    public async Task StopAsync()
    {
        _isStopping = true;
        using var kill = Process.Start("kill", ["-TERM", _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        _ready.TrySetCanceled();
        if (_process is { HasExited: false }) _process.Kill();
        await _watch;
        _process?.Dispose();
        await _rpc!.DisposeAsync();
    }

    private async Task StartAsync()
    {
        var description = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "worker.config.json")))!["description"]!;
        Assert.Equal("dotnet-isolated", (string?)description["language"]);
        var (id, rpc) = (Guid.NewGuid().ToString(), _rpc!.Url);
        var channel = _channels[id] = new(_folder, _print);
        var start = new ProcessStartInfo((string)description["defaultExecutablePath"]!,
        [
            Path.Combine(_folder, (string)description["defaultWorkerPath"]!),
            "--functions-uri", rpc.ToString(), "--functions-worker-id", id, "--functions-request-id", Guid.NewGuid().ToString(), "--functions-grpc-max-message-length", "2147483647",
        ])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _settings) start.Environment[name] = value;
        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = _folder;
        start.Environment["AzureWebJobsScriptRoot"] = _folder;
        Starts++;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => _print(line.Data);
        _process.ErrorDataReceived += (_, line) => _print(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        _watch = WatchAsync(_process, channel);
        await channel.Ready.WaitAsync(s_patience);
        _ready.TrySetResult(channel);
    }

    private async Task WatchAsync(Process process, WorkerChannel channel)
    {
        await process.WaitForExitAsync();
        var wasReady = channel.Ready.IsCompletedSuccessfully;
        channel.Close();
        if (_isStopping || (!wasReady && Starts == 1)) return;

        // Until then calls are handed to the dead one.
        await Task.Delay(s_notice);
        _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_isStopping) return;
        try
        {
            await StartAsync();
        }
        catch (OperationCanceledException)
        {
            // It died before it was ready; its own watch starts the next.
        }
    }

    private sealed class RpcService(WorkerProcess worker) : FunctionRpc.FunctionRpcBase
    {
        public override async Task EventStream(IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context)
        {
            if (await requestStream.MoveNext(context.CancellationToken) && requestStream.Current.StartStream is { } greeting)
            {
                await worker._channels[greeting.WorkerId].RunAsync(requestStream, responseStream, context.CancellationToken);
            }
        }
    }
}
