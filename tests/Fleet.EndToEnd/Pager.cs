using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fleet.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Fleet.EndToEnd;

/// <summary>What a webhook alerter posts to: someone's pager.</summary>
internal sealed class Pager : IAsyncDisposable
{
    private readonly ConcurrentQueue<JsonNode> _pages = new();
    private FakeService? _service;

    public IReadOnlyCollection<JsonNode> Pages => _pages;

    /// <summary>While it is true every page is answered 503.</summary>
    public bool IsDown { get; set; }

    public string Url => new Uri(_service!.Url, "/page").ToString();

    public static async Task<Pager> StartAsync()
    {
        var pager = new Pager();
        pager._service = await FakeService.StartAsync(secure: false, app => app.MapPost("/page", async (HttpContext context) =>
        {
            var page = await JsonNode.ParseAsync(context.Request.Body);
            if (pager.IsDown) context.Response.StatusCode = 503;
            else pager._pages.Enqueue(page!);
        }));
        return pager;
    }

    public ValueTask DisposeAsync() => _service!.DisposeAsync();
}
