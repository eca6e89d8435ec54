using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;
using Fleet.Kernel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fleet.Benchmarks;

/// <summary>What Kestrel does with the same bodies when nothing else is done: the measure of the load bench.</summary>
/// <remarks><c>/config</c> and <c>/distributed/read</c> read the body and answer with fixed bytes. <c>/log</c> parses the body into typed rows and
/// appends it to a file, with an fsync shared by all who wait, as a log server must at the least.</remarks>
internal static class BareServer
{
    public static async Task RunAsync(string port, string folder, string configFile)
    {
        TlsSuites.TryMakeDefault();
        var config = await File.ReadAllBytesAsync(configFile);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            var (certificate, chain) = Hosting.Certificates.Load(Path.Combine(folder, "certs", "fleet.crt"), Path.Combine(folder, "certs", "fleet.key"));
            kestrel.ListenAnyIP(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture), listen => listen.UseHttps(https =>
            {
                https.ServerCertificate = certificate;
                https.ServerCertificateChain = chain;
                https.OnAuthenticate = static (_, tls) => tls.CipherSuitesPolicy = TlsSuites.Incoming(hasClientCertificates: false);
            }));
        });
        await using var app = builder.Build();
        await using var log = new SharedFsyncLog(Path.Combine(folder, "bare.log"));
        var ok = """{"node_invalid":false}"""u8.ToArray();
        var idle = """{"queries":{},"node_invalid":false}"""u8.ToArray();
        app.Run(async context =>
        {
            var body = await ReadAsync(context.Request);
            try
            {
                var answer = ok;
                switch (context.Request.Path.Value)
                {
                    case "/config": answer = config; break;
                    case "/distributed/read": answer = idle; break;
                    case "/log":
                        var post = JsonSerializer.Deserialize(body.AsSpan(0, (int)context.Request.ContentLength!.Value), BareJson.Default.BareLog)!;
                        if (post.Data.Count == 0) throw new InvalidDataException();
                        await log.AppendAsync(body.AsMemory(0, (int)context.Request.ContentLength.Value));
                        break;
                }

                context.Response.ContentType = "application/json";
                context.Response.ContentLength = answer.Length;
                await context.Response.BodyWriter.WriteAsync(answer);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(body);
            }
        });
        await app.RunAsync();
    }

    private static async ValueTask<byte[]> ReadAsync(HttpRequest request)
    {
        var length = (int)request.ContentLength!.Value;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        await request.Body.ReadExactlyAsync(buffer.AsMemory(0, length));
        return buffer;
    }

    private sealed class SharedFsyncLog : IAsyncDisposable
    {
        private readonly Channel<(ReadOnlyMemory<byte> Bytes, TaskCompletionSource Done)> _queue = Channel.CreateUnbounded<(ReadOnlyMemory<byte>, TaskCompletionSource)>();
        private readonly FileStream _file;
        private readonly Task _pump;

        public SharedFsyncLog(string path)
        {
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
            _pump = Task.Factory.StartNew(Pump, TaskCreationOptions.LongRunning);
        }

        public Task AppendAsync(ReadOnlyMemory<byte> bytes)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _queue.Writer.TryWrite((bytes, done));
            return done.Task;
        }

        public async ValueTask DisposeAsync()
        {
            _queue.Writer.Complete();
            await _pump;
            await _file.DisposeAsync();
        }

        private void Pump()
        {
            var waiting = new List<TaskCompletionSource>();
            while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                while (_queue.Reader.TryRead(out var item))
                {
                    _file.Write(item.Bytes.Span);
                    waiting.Add(item.Done);
                }

                _file.Flush(flushToDisk: true);
                foreach (var done in waiting) done.SetResult();
                waiting.Clear();
            }
        }
    }
}

internal sealed record BareLog(
    [property: JsonPropertyName("node_key")] string NodeKey, [property: JsonPropertyName("log_type")] string LogType, [property: JsonPropertyName("data")] IReadOnlyList<BareLine> Data);

internal sealed record BareLine(
    [property: JsonPropertyName("name")] string Name, [property: JsonPropertyName("hostIdentifier")] string HostIdentifier, [property: JsonPropertyName("calendarTime")] string CalendarTime,
    [property: JsonPropertyName("unixTime")] long UnixTime, [property: JsonPropertyName("epoch")] long Epoch, [property: JsonPropertyName("counter")] long Counter,
    [property: JsonPropertyName("decorations")] IReadOnlyDictionary<string, string> Decorations, [property: JsonPropertyName("columns")] IReadOnlyDictionary<string, string> Columns,
    [property: JsonPropertyName("action")] string Action);

[JsonSerializable(typeof(BareLog))]
internal sealed partial class BareJson : JsonSerializerContext;
