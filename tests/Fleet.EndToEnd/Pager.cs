using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fleet.EndToEnd;

/// <summary>What a webhook alerter posts to: someone's pager.</summary>
internal sealed class Pager : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<JsonNode> _pages = new();

    private Pager(WebApplication app) => _app = app;

    public IReadOnlyCollection<JsonNode> Pages => _pages;

    /// <summary>While it is true every page is answered 503.</summary>
    public bool IsDown { get; set; }

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/page";

    public static async Task<Pager> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var pager = new Pager(app);
        app.MapPost("/page", async (HttpContext context) =>
        {
            var page = await JsonNode.ParseAsync(context.Request.Body);
            if (pager.IsDown) context.Response.StatusCode = 503;
            else pager._pages.Enqueue(page!);
        });
        await app.StartAsync();
        return pager;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
