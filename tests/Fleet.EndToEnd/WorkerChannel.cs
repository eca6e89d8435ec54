using System.Collections.Concurrent;
using System.Threading.Channels;
using Fleet.EndToEnd.Rpc;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace Fleet.EndToEnd;

/// <summary>The host's end of the stream to a worker: greets it, has its functions loaded, and invokes them.</summary>
internal sealed class WorkerChannel(string folder, Action<string?> print)
{
    private readonly Channel<StreamingMessage> _outgoing = Channel.CreateUnbounded<StreamingMessage>();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<bool>> _invocations = new();
    private readonly TaskCompletionSource<IReadOnlyList<RpcFunctionMetadata>> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RepeatedField<RpcFunctionMetadata> _functions = [];
    private int _toLoad;
    private volatile bool _isClosed;

    /// <summary>Where the worker takes HTTP.</summary>
    public Uri? HttpUri { get; private set; }

    /// <summary>The functions that the worker has loaded.</summary>
    public Task<IReadOnlyList<RpcFunctionMetadata>> Ready => _ready.Task;

    /// <summary>Serves the stream until the worker is gone.</summary>
    public async Task RunAsync(IAsyncStreamReader<StreamingMessage> incoming, IServerStreamWriter<StreamingMessage> outgoing, CancellationToken ct)
    {
        var writing = WriteAsync(outgoing, ct);
        try
        {
            Send(new()
            {
                WorkerInitRequest = new()
                {
                    HostVersion = "4.1037.0",
                    FunctionAppDirectory = folder,
                    WorkerDirectory = folder,
                    Capabilities = { ["FunctionDataCache"] = "false", ["V2Compatable"] = "true" },
                },
            });
            while (await incoming.MoveNext(ct)) Take(incoming.Current);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or Grpc.Core.RpcException)
        {
            // The worker is gone.
        }
        finally
        {
            Close();
            await writing;
        }
    }

    /// <summary>Whether the function succeeded; false also if the worker dies.</summary>
    public async Task<bool> InvokeAsync(string functionId, string invocationId, string parameter, TypedData data)
    {
        var done = _invocations[invocationId] = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Send(new() { InvocationRequest = new() { InvocationId = invocationId, FunctionId = functionId, TraceContext = new(), InputData = { new ParameterBinding { Name = parameter, Data = data } } } });

        // Asked after it was noted: whoever closes meanwhile ends what is noted.
        if (_isClosed) done.TrySetResult(false);
        try
        {
            return await done.Task;
        }
        finally
        {
            _invocations.TryRemove(invocationId, out _);
        }
    }

    /// <summary>The worker is gone: nothing that it was to do is done.</summary>
    public void Close()
    {
        _isClosed = true;
        _outgoing.Writer.TryComplete();
        _ready.TrySetCanceled();
        foreach (var done in _invocations.Values) done.TrySetResult(false);
    }

    private void Take(StreamingMessage message)
    {
        switch (message.ContentCase)
        {
            case StreamingMessage.ContentOneofCase.WorkerInitResponse:
                Assert.Equal(StatusResult.Types.Status.Success, message.WorkerInitResponse.Result.Status);
                HttpUri = new(message.WorkerInitResponse.Capabilities["HttpUri"]);
                Send(new() { FunctionsMetadataRequest = new() { FunctionAppDirectory = folder } });
                break;
            case StreamingMessage.ContentOneofCase.FunctionMetadataResponse:
                _functions = message.FunctionMetadataResponse.FunctionMetadataResults;
                _toLoad = _functions.Count;
                foreach (var function in _functions) Send(new() { FunctionLoadRequest = new() { FunctionId = function.FunctionId, Metadata = function } });
                break;
            case StreamingMessage.ContentOneofCase.FunctionLoadResponse:
                if (message.FunctionLoadResponse.Result.Status != StatusResult.Types.Status.Success) print($"not loaded: {message.FunctionLoadResponse.Result.Exception?.Message}");
                else if (--_toLoad == 0) _ready.TrySetResult(_functions);
                break;
            case StreamingMessage.ContentOneofCase.InvocationResponse:
                var (response, result) = (message.InvocationResponse, message.InvocationResponse.Result);
                if (result.Status != StatusResult.Types.Status.Success) print($"failed: {result.Exception?.Message}");
                if (_invocations.TryGetValue(response.InvocationId, out var done)) done.TrySetResult(result.Status == StatusResult.Types.Status.Success);
                break;
            case StreamingMessage.ContentOneofCase.RpcLog:
                print($"{message.RpcLog.Category}: {message.RpcLog.Message} {message.RpcLog.Exception?.Message}");
                break;
        }
    }

    private void Send(StreamingMessage message)
    {
        message.RequestId = Guid.NewGuid().ToString();
        _outgoing.Writer.TryWrite(message);
    }

    private async Task WriteAsync(IServerStreamWriter<StreamingMessage> outgoing, CancellationToken ct)
    {
        try
        {
            await foreach (var message in _outgoing.Reader.ReadAllAsync(ct)) await outgoing.WriteAsync(message, ct);
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The worker is gone.
        }
    }
}
