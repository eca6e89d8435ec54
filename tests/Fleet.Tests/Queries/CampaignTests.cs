using System.Text;
using System.Text.Json.Nodes;
using Fleet.Nodes;
using Fleet.Queries;
using Fleet.Tests.Support;
using Fleet.Upkeep;

namespace Fleet.Tests.Queries;

/// <summary>Doorman's distributed cases D01 to D23, and ours.</summary>
public sealed class CampaignTests
{
    [Fact]
    public async Task An_idle_node_is_asked_nothing() // D01
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        Assert.Equal("""{"queries":{},"node_invalid":false}""", (await ReadAsync(world, key)).ToJsonString());
    }

    [Theory]
    [InlineData(3, false)]
    [InlineData(5, true)]
    [InlineData(60, true)]
    public async Task A_node_that_polls_faster_than_hurried_ones_do_is_not_slowed(int seconds, bool isHurried)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await ReadAsync(world, key);
        world.Clock.Advance(TimeSpan.FromSeconds(seconds));
        await world.AskAsync("select 1", World.Everyone);
        Assert.Equal(isHurried, (await ReadAsync(world, key))["accelerate"] is not null);
    }

    [Fact]
    public async Task A_node_is_asked_once_and_asked_to_hurry() // D02, D04, D07
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var one = await world.AskAsync("select * from time", World.Everyone);
        var two = await world.AskAsync("select 2", World.Everyone);
        var asked = await ReadAsync(world, key);
        Assert.Equal("select * from time", (string?)asked["queries"]![one.Id]);
        Assert.Equal(2, ((JsonObject)asked["queries"]!).Count);
        Assert.Equal(60, asked["accelerate"]!.GetValue<int>());
        Assert.Equal(AnswerState.Sent, await StateAsync(world, two, "A"));
        Assert.Empty((JsonObject)(await ReadAsync(world, key))["queries"]!);
    }

    [Fact]
    public async Task Nobody_is_asked_too_early_or_too_late() // D05
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        await world.AskAsync("select 1", World.Everyone, notBefore: world.Clock.Now.AddDays(1), expiresAt: world.Clock.Now.AddDays(2));
        Assert.Empty((JsonObject)(await ReadAsync(world, key))["queries"]!);
        world.Clock.Advance(TimeSpan.FromDays(2));
        Assert.Empty((JsonObject)(await ReadAsync(world, key))["queries"]!);
    }

    [Theory]
    [InlineData("""{"queries":{"ID":[{"a":"1"}]}}""", "Done", "[{\"a\":\"1\"}]", null)] // D10
    [InlineData("""{"queries":{"ID":""}}""", "Done", "[]", null)] // D11
    [InlineData("""{"queries":{"ID":[]},"statuses":{"ID":"0"}}""", "Done", "[]", null)] // D20
    [InlineData("""{"queries":{},"statuses":{"ID":0}}""", "Done", "[]", null)]
    [InlineData("""{"queries":{"ID":[{"h":"1"}]},"statuses":{"ID":1},"messages":{"ID":"no such table: x"}}""", "Failed", "[]", "no such table: x")] // D13
    [InlineData("""{"queries":{"ID":[]},"statuses":{"ID":1}}""", "Failed", "[]", "status 1")]
    [InlineData("""{"queries":{"ID":"xyz"}}""", "Failed", "[]", "the agent's answer was no list of rows")] // D19
    [InlineData("""{"queries":{"ID":[1,2]}}""", "Failed", "[]", "the agent's answer was no list of rows")]
    public async Task An_answer_is_done_or_failed(string body, string state, string rows, string? error)
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        await ReadAsync(world, key);
        Assert.Equal("""{"node_invalid":false}""", await WriteAsync(world, key, body.Replace("ID", campaign.Id, StringComparison.Ordinal)));
        var answer = Assert.Single(await AnswersAsync(world, campaign));
        Assert.Equal((state, rows, error), (answer.State.ToString(), Encoding.UTF8.GetString(answer.Rows), answer.Error));
    }

    [Fact]
    public async Task An_id_counts_only_from_the_node_that_it_was_sent_to_and_only_once() // D08, D14, D16, D17
    {
        await using var world = await World.OpenAsync();
        var (a, b) = (await world.EnrollAsync("A"), await world.EnrollAsync("B"));
        var id = (await world.NodeOfAsync("A")).Id;
        var campaign = await world.AskAsync("select 1", new(false, [id], [], false, [], null));
        var body = $$$"""{"queries":{"{{{campaign.Id}}}":[{"a":"1"}],"zzz":[{"a":"1"}]}}""";
        await WriteAsync(world, a, body);
        Assert.Equal(AnswerState.New, await StateAsync(world, campaign, "A"));
        Assert.Empty((JsonObject)(await ReadAsync(world, b))["queries"]!);

        await ReadAsync(world, a);
        await WriteAsync(world, b, body);
        Assert.Equal(AnswerState.Sent, await StateAsync(world, campaign, "A"));
        await WriteAsync(world, a, body);
        await WriteAsync(world, a, body.Replace("\"1\"", "\"2\"", StringComparison.Ordinal));
        var answer = Assert.Single(await AnswersAsync(world, campaign));
        Assert.Equal("""[{"a":"1"}]""", Encoding.UTF8.GetString(answer.Rows));
    }

    [Fact]
    public async Task Deactivated_nodes_are_not_asked_and_nobody_is_asked_twice() // D22, D23
    {
        await using var world = await World.OpenAsync();
        foreach (var host in new[] { "A", "B", "C" }) await world.EnrollAsync(host);
        await world.Get<NodeStore>().ChangeAsync((await world.NodeOfAsync("C")).Id, node => node with { Active = false }, default);
        Assert.Equal(2, (await world.AskAsync("select 1", World.Everyone)).Targeted);
        var a = await world.TagAsync("A", "t");
        Assert.Equal(1, (await world.AskAsync("select 1", new(false, [a.Id], ["t"], false, [], null))).Targeted);
    }

    [Fact]
    public async Task Nodes_that_enroll_or_get_the_tag_later_are_asked_where_that_is_wanted()
    {
        await using var world = await World.OpenAsync();
        var a = await world.EnrollAsync("A");
        var targets = new Targets(false, [], ["t"], false, [], null);
        var closed = await world.AskAsync("select 1", targets);
        var open = await world.AskAsync("select 2", targets, includesLater: true);
        Assert.Equal(0, open.Targeted);
        Assert.Empty((JsonObject)(await ReadAsync(world, a))["queries"]!);

        await world.AddSecretAsync("tagged", ["t"]);
        var b = await world.EnrollAsync("B", "tagged");
        await world.TagAsync("A", "t");
        await world.Get<NodeDirectory>().RefreshAsync((await world.NodeOfAsync("A")).Id, default);
        foreach (var key in new[] { a, b })
        {
            Assert.Equal([open.Id], ((JsonObject)(await ReadAsync(world, key))["queries"]!).Select(one => one.Key));
            Assert.Empty((JsonObject)(await ReadAsync(world, key))["queries"]!);
        }

        await WriteAsync(world, a, $$$"""{"queries":{"{{{open.Id}}}":[{"a":"1"}]}}""");
        Assert.Equal(new Tally(0, 1, 1, 0, 0), await world.Get<AnswerStore>().CountAsync(open.Id, default));
        Assert.Equal(0, (await world.Get<AnswerStore>().CountAsync(closed.Id, default)).Total);

        // Once it is dealt with, an idle read costs nothing.
        world.Tables.Reset();
        await ReadAsync(world, a);
        Assert.Equal(0, world.Tables.Operations);
    }

    [Theory]
    [InlineData("x,y", false, 3)]
    [InlineData("x,y", true, 1)]
    [InlineData("none", false, 0)]
    public async Task Tags_choose_nodes_with_any_or_all_of_them(string tags, bool all, int targeted)
    {
        await using var world = await World.OpenAsync();
        foreach (var (host, own) in new[] { ("A", "x"), ("B", "y"), ("C", "x,y"), ("D", "z") })
        {
            await world.EnrollAsync(host);
            await world.TagAsync(host, own.Split(','));
        }

        Assert.Equal(targeted, (await world.AskAsync("select 1", new(false, [], tags.Split(','), all, [], null))).Targeted);
    }

    [Fact]
    public void A_sample_is_its_share_and_the_same_for_the_same_campaign()
    {
        var targets = World.Everyone with { Sample = 20 };
        var nodes = Enumerable.Range(0, 5_000).Select(i => Fleet.Kernel.NodeId.OfHost("h" + i)).ToList();
        var chosen = nodes.Where(node => targets.Include("c", node, TagSet.None, "linux")).ToList();
        Assert.InRange(chosen.Count, 850, 1_150);
        Assert.Equal(chosen, nodes.Where(node => targets.Include("c", node, TagSet.None, "linux")));
        Assert.NotEqual(chosen, nodes.Where(node => targets.Include("d", node, TagSet.None, "linux")));
    }

    [Fact]
    public async Task A_node_that_enrolled_later_is_not_asked()
    {
        await using var world = await World.OpenAsync();
        await world.AskAsync("select 1", World.Everyone);
        Assert.Empty((JsonObject)(await ReadAsync(world, await world.EnrollAsync("late")))["queries"]!);
    }

    [Fact]
    public async Task An_answer_that_never_comes_is_asked_for_again_after_a_while_by_any_instance()
    {
        await using var world = await World.OpenAsync();
        await using var second = await world.OpenSecondAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        world.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Single((JsonObject)(await ReadAsync(world, key))["queries"]!);
        Assert.Empty((JsonObject)(await ReadAsync(second, key))["queries"]!);
        world.Clock.Advance(world.Limits.AnswerLease);
        Assert.Single((JsonObject)(await ReadAsync(second, key))["queries"]!);
        await WriteAsync(second, key, $$$"""{"queries":{"{{{campaign.Id}}}":[]}}""");
        Assert.Equal(AnswerState.Done, await StateAsync(world, campaign, "A"));
    }

    [Fact]
    public async Task A_question_that_is_never_answered_is_offered_with_growing_waits_and_then_given_up()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        var waits = new List<int>();
        for (var minutes = 0; minutes < 400; minutes += 10)
        {
            if (((JsonObject)(await ReadAsync(world, key))["queries"]!).Count > 0) waits.Add(minutes);
            world.Clock.Advance(TimeSpan.FromMinutes(10));
        }

        Assert.Equal([0, 10, 30, 70], waits);
        Assert.Equal(AnswerState.Failed, await StateAsync(world, campaign, "A"));
        Assert.True((await world.Get<AnswerStore>().FindAsync(campaign.Id, Fleet.Kernel.NodeId.OfHost("A"), default))!.Value.Answer.IsGivenUp);

        // One that comes after all is taken.
        await WriteAsync(world, key, $$$"""{"queries":{"{{{campaign.Id}}}":[{"a":"1"}]}}""");
        Assert.Equal(AnswerState.Done, await StateAsync(world, campaign, "A"));
    }

    [Fact]
    public async Task What_was_not_answered_in_time_is_expired_and_later_answers_are_dropped()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone, expiresAt: world.Clock.Now.AddHours(1));
        await ReadAsync(world, key);
        world.Clock.Advance(TimeSpan.FromHours(1));
        await world.Get<Expiry>().RunAsync(default);
        await WriteAsync(world, key, $$$"""{"queries":{"{{{campaign.Id}}}":[{"a":"1"}]}}""");
        Assert.Equal(AnswerState.Sent, await StateAsync(world, campaign, "A"));

        // A clock that was wrong has half an hour to be set.
        world.Clock.Advance(TimeSpan.FromMinutes(31));
        await world.Get<Expiry>().RunAsync(default);
        Assert.Equal(AnswerState.Expired, await StateAsync(world, campaign, "A"));
        Assert.Empty(world.Get<CampaignStore>().Active.Items);
        Assert.Single(await world.Get<CampaignStore>().ListAsync(default));
        Assert.NotNull(await world.Get<CampaignStore>().FindAsync(campaign.Id, default));
    }

    [Fact]
    public async Task A_cancelled_campaign_asks_nobody_any_more()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        await world.Get<CampaignStore>().CancelAsync(campaign, world.Clock.Now, default);
        Assert.Empty((JsonObject)(await ReadAsync(world, key))["queries"]!);
        Assert.Equal(AnswerState.Expired, await StateAsync(world, campaign, "A"));
    }

    [Fact]
    public async Task An_answer_over_the_limit_is_failed_and_taken_so_that_the_agent_lets_go_of_it()
    {
        await using var world = await World.OpenAsync(("Limits:AnswerBytes", "1000"), ("Limits:AgentBodyBytes", "400000"));
        var key = await world.EnrollAsync("A");
        foreach (var size in new[] { 2_000, 700_000 })
        {
            var campaign = await world.AskAsync("select 1", World.Everyone);
            await ReadAsync(world, key);
            var body = $$$"""{"queries":{"{{{campaign.Id}}}":[{"a":"{{{new string('x', size)}}}"}]},"statuses":{"{{{campaign.Id}}}":0},"messages":{"{{{campaign.Id}}}":""},"stats":{},"node_key":"{{{key}}}"}""";
            var reply = await world.PostAsync("distributed/write", body);
            Assert.Equal("""{"node_invalid":false}""", reply.Text);
            var answer = Assert.Single(await AnswersAsync(world, campaign));
            Assert.Equal(AnswerState.Failed, answer.State);
            Assert.Contains("bytes", answer.Error!, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_large_answer_comes_back_whole()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("A");
        var campaign = await world.AskAsync("select 1", World.Everyone);
        await ReadAsync(world, key);
        var noise = new byte[3_000_000];
        new Random(1).NextBytes(noise);
        var rows = $$"""[{"hex":"{{Convert.ToHexString(noise)}}"}]""";
        await WriteAsync(world, key, $$$"""{"queries":{"{{{campaign.Id}}}":{{{rows}}}}}""");
        Assert.Equal(rows, Encoding.UTF8.GetString(Assert.Single(await AnswersAsync(world, campaign)).Rows));
        Assert.Equal(1, (await world.Get<AnswerStore>().CountAsync(campaign.Id, default)).Done);
    }

    private static async Task<JsonObject> ReadAsync(World world, string key) => (await world.PostAsync("distributed/read", $$"""{"node_key":"{{key}}"}""")).Json;

    private static async Task<string> WriteAsync(World world, string key, string body) =>
        (await world.PostAsync("distributed/write", body[..^1] + $$""","node_key":"{{key}}"}""")).Text;

    private static async Task<IReadOnlyList<Answer>> AnswersAsync(World world, Campaign campaign) =>
        (await world.Get<AnswerStore>().PageAsync(campaign.Id, 100, null, default)).Items;

    private static async Task<AnswerState> StateAsync(World world, Campaign campaign, string host)
    {
        var id = (await world.NodeOfAsync(host)).Id;
        return (await AnswersAsync(world, campaign)).Single(answer => answer.Node == id).State;
    }
}
