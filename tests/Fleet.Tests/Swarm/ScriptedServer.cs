using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fleet.Tests.Swarm;

/// <summary>A server of osquery's protocol that answers what a test says, and remembers what it was sent.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _connections;
    private int _mostConnections;

    private ScriptedServer(WebApplication app) => _app = app;

    /// <summary>What a call is answered with; unless it is said, enrolling gives a key and every other call an empty object.</summary>
    public Func<string, JsonObject, string> Answer { get; set; } = (call, _) => call == "enroll" ? """{"node_key":"k"}""" : "{}";

    public ConcurrentQueue<(string Call, JsonObject Body)> Requests { get; } = new();

    /// <summary>The most connections that were open at one time.</summary>
    public int MostConnections => Volatile.Read(ref _mostConnections);

    public Uri Url { get; private set; } = null!;

    public static async Task<ScriptedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        ScriptedServer? server = null;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Use(next => connection => server!.CountAsync(() => next(connection)))));
        var app = builder.Build();
        server = new(app);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        server.Url = new(app.Urls.Single());
        return server;
    }

    /// <summary>The lines of each post of a type.</summary>
    public List<List<JsonObject>> Posts(string type) =>
        [.. Requests.Where(request => request.Call == "log" && (string?)request.Body["log_type"] == type).Select(request => request.Body["data"]!.AsArray().Select(line => line!.AsObject()).ToList())];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task ServeAsync(HttpContext context)
    {
        var call = context.Request.Path.Value![1..];
        var body = (JsonObject)(await JsonNode.ParseAsync(context.Request.Body))!;
        Requests.Enqueue((call, body));
        await context.Response.WriteAsync(Answer(call, body));
    }

    private async Task CountAsync(Func<Task> serve)
    {
        var now = Interlocked.Increment(ref _connections);
        for (var most = MostConnections; now > most && Interlocked.CompareExchange(ref _mostConnections, now, most) != most; most = MostConnections)
        {
            // Somebody else counted meanwhile.
        }

        try
        {
            await serve();
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }
}
