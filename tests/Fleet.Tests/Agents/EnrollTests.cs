using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;
using Fleet.Tests.Support;

namespace Fleet.Tests.Agents;

/// <summary>Doorman's enrollment cases E01 to E32, and ours. A case's number stands where it is Doorman's.</summary>
public sealed class EnrollTests
{
    [Theory]
    [InlineData("""{"host_identifier":"HOST-A"}""")] // E02
    [InlineData("""{"enroll_secret":"wrong","host_identifier":"HOST-A"}""")] // E04
    [InlineData("""{"enroll_secret":"","host_identifier":"HOST-A"}""")]
    [InlineData("""{"enroll_secret":["open-sesame"],"host_identifier":"HOST-A"}""")]
    [InlineData("""{"enroll_secret":"open-sesame"}""")] // E29
    [InlineData("""{"enroll_secret":"open-sesame","host_identifier":"  "}""")]
    [InlineData("""{"enroll_secret":"open-sesame","host_identifier":17}""")]
    public async Task Without_a_good_secret_and_an_identifier_there_is_no_key_and_no_node(string body)
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync("enroll", body);
        Assert.True(reply.IsInvalid);
        Assert.False(reply.Json.ContainsKey("node_key"));
        Assert.Empty((await world.Get<NodeStore>().PageAsync(10, null, default)).Items);
    }

    [Fact]
    public async Task A_secret_that_was_removed_elsewhere_is_not_half_made_again()
    {
        await using var world = await World.OpenAsync();
        await using var other = await world.OpenSecondAsync();
        var (secret, _) = await world.Get<EnrollSecrets>().CreateAsync("l", TagSet.None, null, null, null, null, default);
        world.Clock.Advance(TimeSpan.FromSeconds(5));
        await other.Get<ChangeFeed>().LookAsync(default);
        await world.Get<EnrollSecrets>().RemoveAsync(secret.Id, default);
        Assert.Null(await other.Get<EnrollSecrets>().ChangeAsync(secret.Id, enabled: false, tags: null, default));
        world.Clock.Advance(TimeSpan.FromMinutes(20));
        await world.Get<ChangeFeed>().LookAsync(default);
        Assert.Single(await world.Get<EnrollSecrets>().ListAsync(default));
    }

    [Fact]
    public async Task A_form_is_refused_in_JSON() // E01
    {
        await using var world = await World.OpenAsync();
        var reply = await world.PostAsync("enroll", "host_identifier=HOST-A", request => request.ContentType = "application/x-www-form-urlencoded");
        Assert.Equal(400, reply.Status);
        Assert.True(reply.IsInvalid);
    }

    [Fact]
    public async Task A_new_machine_becomes_an_active_node_without_tags() // E05
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("HOST-N");
        var node = await world.NodeOfAsync("HOST-N");
        Assert.True(node.Active);
        Assert.Equal(ManualClock.Start, node.EnrolledAt);
        Assert.Empty(node.Tags.Tags);
        var seen = await world.Get<LastSeen>().FindAsync(node.Id, default);
        Assert.Equal((ManualClock.Start, "192.0.2.10"), (seen.At, seen.Address));
    }

    [Fact]
    public async Task The_same_machine_keeps_its_node_its_key_its_tags_and_its_time() // E14, E19
    {
        await using var world = await World.OpenAsync(("Enroll:DefaultTags", "blue"));
        var key = await world.EnrollAsync("HOST-A");
        await world.TagAsync("HOST-A", "x");
        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(key, await world.EnrollAsync("HOST-A"));
        var node = await world.NodeOfAsync("HOST-A");
        Assert.Equal(["x"], node.Tags.Tags);
        Assert.Equal(ManualClock.Start, node.EnrolledAt);
        Assert.Equal(world.Clock.Now, (await world.Get<LastSeen>().FindAsync(node.Id, default)).At);
        Assert.Single((await world.Get<NodeStore>().PageAsync(10, null, default)).Items);
    }

    [Fact]
    public async Task An_identifier_in_another_case_is_the_same_machine()
    {
        await using var world = await World.OpenAsync();
        Assert.Equal(await world.EnrollAsync("4C4C4544-00AA"), await world.EnrollAsync("4c4c4544-00aa"));
    }

    [Fact]
    public async Task Machines_that_enroll_at_once_under_one_identifier_are_one_node()
    {
        await using var world = await World.OpenAsync();
        var keys = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => world.EnrollAsync("H1")));
        Assert.Single(keys.Distinct());
    }

    [Theory]
    [InlineData(":", "open-sesame:eu:db", "db,eu")] // E20
    [InlineData(":", "open-sesame: a ::a:b", "a,b")] // E23
    [InlineData(":", "open-sesame:t01:t02:t03:t04:t05:t06:t07:t08:t09:t10:t11:t12", "t01,t02,t03,t04,t05,t06,t07,t08,t09,t10")] // E22
    [InlineData(",", "open-sesame,eu", "eu")]
    public async Task Tags_come_behind_the_secret(string delimiter, string secret, string tags)
    {
        await using var world = await World.OpenAsync(("Enroll:TagDelimiter", delimiter));
        await world.EnrollAsync("H2", secret);
        Assert.Equal(tags.Split(','), (await world.NodeOfAsync("H2")).Tags.Tags);
    }

    [Fact]
    public async Task Another_delimiter_is_part_of_the_secret() // E25
    {
        await using var world = await World.OpenAsync(("Enroll:TagDelimiter", ","));
        await world.AddSecretAsync("a:b");
        await world.EnrollAsync("H1", "a:b");
        Assert.Empty((await world.NodeOfAsync("H1")).Tags.Tags);
    }

    [Fact]
    public async Task Default_tags_and_the_secrets_own_tags_are_added() // E17
    {
        await using var world = await World.OpenAsync(("Enroll:DefaultTags", "blue, green"));
        await world.AddSecretAsync("tagged", ["red"]);
        await world.EnrollAsync("H1", "tagged:extra");
        Assert.Equal(["blue", "extra", "green", "red"], (await world.NodeOfAsync("H1")).Tags.Tags);
    }

    [Fact]
    public async Task The_secrets_member_can_have_another_name() // E28
    {
        await using var world = await World.OpenAsync(("Enroll:SecretField", "registration"));
        Assert.True((await world.PostAsync("enroll", $$"""{"enroll_secret":"{{World.Secret}}","host_identifier":"H1"}""")).IsInvalid);
        Assert.False((await world.PostAsync("enroll", $$"""{"registration":"{{World.Secret}}","host_identifier":"H1"}""")).IsInvalid);
    }

    [Fact]
    public async Task A_secret_from_the_environment_may_end_in_a_newline_and_of_duplicate_members_the_first_counts()
    {
        await using var world = await World.OpenAsync();
        Assert.False((await world.PostAsync("enroll", $$"""{"enroll_secret":"{{World.Secret}}\n","host_identifier":"dup-a","host_identifier":"dup-b"}""")).IsInvalid);
        Assert.NotNull(await world.NodeOfAsync("dup-a"));
        Assert.Null(await world.NodeOfAsync("dup-b"));
    }

    [Fact]
    public async Task Secrets_expire_are_used_up_and_are_revoked()
    {
        await using var world = await World.OpenAsync();
        await world.AddSecretAsync("short", expiresAt: world.Clock.Now.AddMinutes(1));
        await world.AddSecretAsync("twice", maxUses: 2);
        await world.EnrollAsync("H1", "short");
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H2", "short"));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            var reply = await world.PostAsync("enroll", $$"""{"enroll_secret":"twice","host_identifier":"M{{i}}"}""");
            return !reply.IsInvalid;
        }));
        Assert.Equal(2, outcomes.Count(accepted => accepted));

        var secrets = world.Get<EnrollSecrets>();
        await secrets.RemoveAsync((await secrets.ListAsync(default)).Single(secret => secret.Label == World.Secret).Id, default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H3"));
    }

    [Fact]
    public async Task A_secret_that_is_switched_off_lets_nobody_in_until_it_is_on_again()
    {
        await using var world = await World.OpenAsync();
        var secrets = world.Get<EnrollSecrets>();
        var id = (await secrets.ListAsync(default)).Single().Id;
        await secrets.ChangeAsync(id, enabled: false, tags: null, default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H1"));
        await secrets.ChangeAsync(id, enabled: true, tags: null, default);
        await world.EnrollAsync("H1");
        Assert.Null(await secrets.ChangeAsync("none", enabled: true, tags: null, default));
    }

    [Fact]
    public async Task Uses_are_counted_over_a_flush()
    {
        await using var world = await World.OpenAsync();
        await world.EnrollAsync("H1");
        await world.EnrollAsync("H2");
        await world.Get<EnrollSecrets>().FlushAsync(default);
        await world.EnrollAsync("H3");
        Assert.Equal(3, (await world.Get<EnrollSecrets>().ListAsync(default)).Single().Uses);
    }

    [Fact]
    public async Task A_node_made_beforehand_keeps_its_id_and_gets_the_default_tags() // E11, E13
    {
        await using var world = await World.OpenAsync(("Enroll:DefaultTags", "base"));
        var id = NodeId.Random();
        await world.Get<NodeStore>().InsertAsync(
            new(id, "", "printer room", "", "", TagSet.Of(["x"]), true, 0, world.Clock.Now, null, false, false, false, [], false, new Dictionary<string, string>(), null), default);
        await world.AddSecretAsync("own-77", node: id);

        var key = await world.EnrollAsync("H1", "own-77");
        var node = (await world.Get<NodeStore>().FindAsync(id, default))!;
        Assert.Equal(("H1", ManualClock.Start), (node.HostIdentifier, node.EnrolledAt));
        Assert.Equal(["base", "x"], node.Tags.Tags);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);

        world.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(key, await world.EnrollAsync("H1-renamed", "own-77"));
        node = (await world.Get<NodeStore>().FindAsync(id, default))!;
        Assert.Equal(("H1-renamed", ManualClock.Start), (node.HostIdentifier, node.EnrolledAt));
        Assert.NotEqual(key, await world.EnrollAsync("H1")); // E16: the shared secret makes a node of its own
    }

    [Fact]
    public async Task A_deactivated_node_is_refused_at_enroll_too_and_comes_back_when_let_in()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        await SetActiveAsync(false);
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H1"));
        await SetActiveAsync(true);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{await world.EnrollAsync("H1")}}"}""")).IsInvalid);

        Task SetActiveAsync(bool active) => world.Get<NodeStore>().ChangeAsync(NodeId.OfHost("H1"), node => node with { Active = active }, default).AsTask();
    }

    [Fact]
    public async Task A_deleted_node_is_invalid_and_its_old_key_stays_so_when_it_enrolls_anew()
    {
        await using var world = await World.OpenAsync();
        var old = await world.EnrollAsync("H1");
        await world.Get<NodeStore>().RemoveAsync(NodeId.OfHost("H1"), default);
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{old}}"}""")).IsInvalid);
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        var key = await world.EnrollAsync("H1");
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{old}}"}""")).IsInvalid);
    }

    [Fact]
    public async Task Under_rotate_the_old_key_dies()
    {
        await using var world = await World.OpenAsync(("Enroll:Reenroll", "rotate"));
        var old = await world.EnrollAsync("H1");
        var key = await world.EnrollAsync("H1");
        Assert.NotEqual(old, key);
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{old}}"}""")).IsInvalid);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
    }

    [Fact]
    public async Task Two_installations_behind_one_identifier_are_told_as_clones_and_do_not_chase_each_other()
    {
        await using var world = await World.OpenAsync(("Enroll:Reenroll", "rotate"));
        await EnrollAsync("one");
        await EnrollAsync("two");
        Assert.False((await world.NodeOfAsync("H1")).IsCloned); // a reinstalled agent looks like this
        var first = await EnrollAsync("one");
        var second = await EnrollAsync("two");
        Assert.True((await world.NodeOfAsync("H1")).IsCloned);
        Assert.Equal(first, second);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{first}}"}""")).IsInvalid);

        async Task<string> EnrollAsync(string instance)
        {
            var reply = await world.PostAsync(
                "enroll", $$$"""{"enroll_secret":"{{{World.Secret}}}","host_identifier":"H1","host_details":{"osquery_info":{"instance_id":"{{{instance}}}"} } }""");
            return reply.Json["node_key"]!.GetValue<string>();
        }
    }

    [Fact]
    public async Task Under_approve_a_person_lets_it_in_once_and_the_old_key_stays_good()
    {
        await using var world = await World.OpenAsync(("Enroll:Reenroll", "approve"));
        var key = await world.EnrollAsync("H1");
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H1"));
        Assert.True((await world.NodeOfAsync("H1")).Pending);
        Assert.False((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);

        await world.Get<NodeStore>().ChangeAsync(NodeId.OfHost("H1"), node => node with { Pending = false, LetIn = true }, default);
        await world.EnrollAsync("H1");
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.EnrollAsync("H1"));
    }

    [Fact]
    public async Task Host_details_are_kept_and_say_platform_and_version()
    {
        await using var world = await World.OpenAsync();
        await world.PostAsync("enroll", $$"""
            {"enroll_secret":"{{World.Secret}}","host_identifier":"H1","platform_type":"21",
             "host_details":{"os_version":{"platform":"darwin"},"osquery_info":{"version":"5.23.1","instance_id":"i"},"system_info":{"computer_name":"Zoë’s MacBook"} } }
            """);
        var node = await world.NodeOfAsync("H1");
        Assert.Equal(("darwin", "5.23.1"), (node.Platform, node.OsqueryVersion));
        Assert.Contains("Zoë’s MacBook", System.Text.Encoding.UTF8.GetString(node.HostDetails!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotating_the_signing_key_re_enrolls_nobody()
    {
        await using var world = await World.OpenAsync();
        var key = await world.EnrollAsync("H1");
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await using var second = await world.OpenSecondAsync();
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.Get<SigningKeys>().RotateAsync(default);

        var younger = await world.EnrollAsync("H1");
        Assert.NotEqual(key, younger);
        Assert.Equal(younger, await second.EnrollAsync("H1"));
        foreach (var each in new[] { world, second })
        {
            Assert.False((await each.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
            Assert.False((await each.PostAsync("config", $$"""{"node_key":"{{younger}}"}""")).IsInvalid);
        }

        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await world.Get<SigningKeys>().RotateAsync(default);
        Assert.True((await world.PostAsync("config", $$"""{"node_key":"{{key}}"}""")).IsInvalid);
    }
}
