using Fleet.Shared;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Agents;
using Fleet.Alerts;
using Fleet.Bus;
using Fleet.Bus.Embedded;
using Fleet.Config;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Rules;
using Fleet.Storage;
using Fleet.Storage.Embedded;
using Fleet.Upkeep;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fleet.Tests.Support;

/// <summary>What an agent got: the status, which it ignores, and the body.</summary>
internal sealed record AgentReply(int Status, byte[] Bytes, string? Encoding)
{
    public string Text => System.Text.Encoding.UTF8.GetString(Bytes);

    public JsonObject Json => (JsonObject)JsonNode.Parse(Bytes)!;

    public bool IsInvalid => Json["node_invalid"]?.GetValue<bool>() == true;

    public bool IsError => Json.ContainsKey("error");
}

/// <summary>All rooms on an embedded store in a scratch folder, with a clock that stands still and one enroll secret, <c>open-sesame</c>.</summary>
internal sealed class World : IAsyncDisposable
{
    public const string Secret = "open-sesame";

    private readonly Scratch _scratch;
    private readonly bool _ownsScratch;
    private readonly ServiceProvider _services;

    private World(Scratch scratch, bool ownsScratch, ManualClock clock, Dictionary<string, string?> settings)
    {
        (_scratch, _ownsScratch, Clock) = (scratch, ownsScratch, clock);
        settings["Fleet:Data"] = scratch.Path;
        settings.TryAdd("Fleet:Outbound:Allow", "127.0.0.0/8,::1");
        var read = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        _services = new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddRooms(read)
            .AddSingleton<TimeProvider>(clock)
            .AddSingleton<CountingTables>(s => new(new SqliteTables(s.GetRequiredService<SqliteDatabase>(), clock)))
            .AddSingleton<ITables>(s => s.GetRequiredService<CountingTables>())
            .AddSingleton<FirstStart>()
            .BuildServiceProvider();
    }

    public ManualClock Clock { get; }

    /// <summary>What the alerter <c>log</c> wrote.</summary>
    public string AlertLog => File.ReadAllText(_scratch.File("out/alerts.ndjson"));

    public CountingTables Tables => Get<CountingTables>();

    public ConfigItems Items => Get<ConfigItems>();

    public Limits Limits => Get<Limits>();

    public static async Task<World> OpenAsync(params (string Key, string Value)[] settings)
    {
        var world = new World(new Scratch(), ownsScratch: true, new(), settings.ToDictionary(pair => "Fleet:" + pair.Key, pair => (string?)pair.Value));
        await world.Get<SigningKeys>().ReadAsync(default);
        await world.Get<ChangeFeed>().LookAsync(default);
        await world.Get<Alerters>().PutAsync(new("log", "log", new Dictionary<string, string> { ["path"] = "alerts.ndjson" }), null, null, default);
        await world.AddSecretAsync(Secret);
        return world;
    }

    /// <summary>A second process on the same data folder.</summary>
    /// <param name="isCold">It has read nothing yet, as a worker that a request started.</param>
    public async Task<World> OpenSecondAsync(bool isCold = false)
    {
        var second = new World(_scratch, ownsScratch: false, Clock, []);
        if (isCold) return second;
        await second.Get<SigningKeys>().ReadAsync(default);
        await second.Get<ChangeFeed>().LookAsync(default);
        return second;
    }

    /// <summary>The same without having looked into the store: what it finds there may be damaged.</summary>
    public static async Task<World> ReopenAsync(World world)
    {
        var second = new World(world._scratch, ownsScratch: false, world.Clock, []);
        await second.Get<SigningKeys>().ReadAsync(default);
        return second;
    }

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    public ISubscriber Subscriber(string queue) => _services.GetServices<ISubscriber>().Single(subscriber => subscriber.Queue == queue);

    public async Task AddSecretAsync(string text, string[]? tags = null, DateTimeOffset? expiresAt = null, long? maxUses = null, NodeId? node = null) =>
        await Get<EnrollSecrets>().CreateAsync(text, TagSet.Of(tags ?? []), expiresAt, maxUses, node, text, default);

    /// <summary>Sends an agent's request through the same endpoint that the server has.</summary>
    public Task<AgentReply> PostAsync(string call, string body, Action<HttpRequest>? prepare = null) => PostAsync(call, Encoding.UTF8.GetBytes(body), prepare);

    public async Task<AgentReply> PostAsync(string call, byte[] body, Action<HttpRequest>? prepare = null)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "POST";
        context.Request.Path = "/" + call;
        context.Request.ContentType = "application/json";
        context.Request.ContentLength = body.Length;
        context.Request.Body = new MemoryStream(body);
        context.Connection.RemoteIpAddress = IPAddress.Parse("192.0.2.10");
        var response = new MemoryStream();
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(response));
        prepare?.Invoke(context.Request);
        await Get<AgentEndpoint>().HandleAsync(context, AgentPaths.CallOf(context.Request.Path, out _));
        return new(context.Response.StatusCode, response.ToArray(), context.Response.Headers.ContentEncoding);
    }

    /// <summary>Enrolls a machine; its node key.</summary>
    public async Task<string> EnrollAsync(string host, string secret = Secret)
    {
        var reply = await PostAsync("enroll", $$"""{"enroll_secret":"{{secret}}","host_identifier":"{{host}}"}""");
        return reply.Json["node_key"]?.GetValue<string>() ?? throw new InvalidOperationException($"{host} was refused: {reply.Text}");
    }

    public async Task<Node> NodeOfAsync(string host) => (await Get<NodeStore>().FindAsync(NodeId.OfHost(host), default))!;

    public async Task<Node> TagAsync(string host, params string[] tags) =>
        (await Get<NodeStore>().ChangeAsync(NodeId.OfHost(host), node => node with { Tags = TagSet.Of(tags) }, default))!;

    public async Task<JsonObject> ConfigAsync(string nodeKey) => (await PostAsync("config", $$"""{"node_key":"{{nodeKey}}"}""")).Json;

    public Task<AgentReply> LogAsync(string nodeKey, string lines, string type = "result") =>
        PostAsync("log", $$"""{"data":{{lines}},"log_type":"{{type}}","node_key":"{{nodeKey}}"}""");

    public async Task PutQueryAsync(string name, string sql, params string[] tags) =>
        await Items.Queries.PutAsync(name, new(name, TagSet.Of(tags), new ScheduledQuery(sql, 60)), null, default);

    public Task<Rule> AddRuleAsync(string name, string conditions, params string[] alerters) => AddRuleAsync(name, conditions, rule => rule, alerters);

    public async Task<Rule> AddRuleAsync(string name, string conditions, Func<Rule, Rule> with, params string[] alerters)
    {
        using var json = JsonDocument.Parse(conditions);
        Assert.NotNull(RuleParser.Parse(json.RootElement, Limits, out _));
        var rule = with(new Rule(name, name, "", conditions, alerters, "high", true, Clock.Now, Clock.Now));
        await Get<RuleStore>().PutAsync(rule, null, default);
        return rule;
    }

    /// <summary>Handles every message that is due, and those that follow from them.</summary>
    public async Task PumpAsync()
    {
        while (await Get<BusPump>().OnceAsync(default) > 0)
        {
        }
    }

    public async Task MaterializeAsync() => await Get<Materialize>().RunAsync(default);

    public async Task<IReadOnlyList<Alert>> AlertsAsync() => (await Get<AlertStore>().PageAsync(1_000, null, _ => true, default)).Items;

    public async Task<Campaign> AskAsync(string sql, Targets targets, DateTimeOffset? notBefore = null, DateTimeOffset? expiresAt = null, bool includesLater = false) =>
        await Get<CampaignStore>().StartAsync(
            new(Guid.NewGuid().ToString("N"), sql, "", targets, Clock.Now, "test", notBefore ?? Clock.Now, expiresAt ?? Clock.Now.AddHours(24), null, 0, IncludesLater: includesLater), default);

    public static Targets Everyone { get; } = new(All: true, [], [], MatchAll: false, [], Sample: null);

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        if (_ownsScratch) _scratch.Dispose();
    }
}
