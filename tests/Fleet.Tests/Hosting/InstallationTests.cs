using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Fleet.Cli;
using Fleet.Hosting;
using Fleet.Kernel;
using Fleet.Shared;
using Fleet.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Hosting;

/// <summary>A store and secrets that do not belong together are told, and nothing is made in place of what was lost.</summary>
public sealed class InstallationTests : IDisposable
{
    private readonly Scratch _scratch = new();

    private string Data => _scratch.File("data");

    private string Secrets => Path.Combine(Data, "secrets.json");

    private string Database => Path.Combine(Data, "fleet.db");

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_store_with_nodes_and_without_its_secrets_is_not_served_and_gets_no_new_keys()
    {
        var key = await EnrolledAsync();
        File.Move(Secrets, _scratch.File("moved.json"));
        await RefusedAsync();
        Assert.False(File.Exists(Secrets) && (await File.ReadAllTextAsync(Secrets)).Contains("node-signing-key", StringComparison.Ordinal));

        File.Delete(Secrets);
        File.Move(_scratch.File("moved.json"), Secrets);
        Assert.False(await IsInvalidAsync(key));
    }

    [Fact]
    public async Task Secrets_that_lack_the_keys_alone_are_not_completed()
    {
        var key = await EnrolledAsync();
        var whole = await File.ReadAllTextAsync(Secrets);
        foreach (var name in new[] { "node-signing-key", "enroll-secret-hash-key" })
        {
            var json = (JsonObject)JsonNode.Parse(whole)!;
            json.Remove(name);
            await File.WriteAllTextAsync(Secrets, json.ToJsonString());
            await using var app = await TryStartAsync();
            if (app is not null) Assert.True((await PostAsync(app, "enroll", """{"enroll_secret":"x","host_identifier":"y"}""")).ContainsKey("error"));
            Assert.False(((JsonObject)JsonNode.Parse(await File.ReadAllTextAsync(Secrets))!).ContainsKey(name));
        }

        await File.WriteAllTextAsync(Secrets, whole);
        Assert.False(await IsInvalidAsync(key));
    }

    [Fact]
    public async Task Secrets_that_are_damaged_are_told_as_that()
    {
        await EnrolledAsync();
        await File.WriteAllTextAsync(Secrets, (await File.ReadAllTextAsync(Secrets))[..^10]);
        await Assert.ThrowsAsync<StorageUnavailableException>(StartAsync);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_database_that_is_missing_or_empty_beside_its_secrets_is_not_made_anew(bool isMissing)
    {
        await EnrolledAsync();
        foreach (var file in Directory.EnumerateFiles(Data, "fleet.db*")) File.Delete(file);
        if (!isMissing) await File.WriteAllTextAsync(Database, "");
        await RefusedAsync();
    }

    [Fact]
    public async Task A_database_or_secrets_that_were_put_back_from_an_older_copy_are_noticed_until_they_are_paired()
    {
        await EnrolledAsync();
        File.Copy(Database, _scratch.File("old.db"));
        File.Copy(Secrets, _scratch.File("old.json"));
        await CountAsync(3);
        File.Copy(Database, _scratch.File("new.db"));

        File.Copy(_scratch.File("old.db"), Database, overwrite: true);
        await RefusedAsync();
        File.Copy(_scratch.File("new.db"), Database, overwrite: true);
        File.Copy(_scratch.File("old.json"), Secrets, overwrite: true);
        await RefusedAsync();

        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "pair", "--data", Data]).InvokeAsync());
        await using var app = await StartAsync();
    }

    [Fact]
    public async Task Secrets_from_before_a_rotation_are_noticed_at_once()
    {
        await EnrolledAsync();
        File.Copy(Secrets, _scratch.File("old.json"));
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "rotate", "--data", Data]).InvokeAsync());
        File.Copy(_scratch.File("old.json"), Secrets, overwrite: true);
        await RefusedAsync();
    }

    [Fact]
    public async Task A_second_rotation_is_refused_while_nodes_would_have_to_enroll_anew_unless_that_is_wanted()
    {
        await EnrolledAsync();
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "rotate", "--data", Data]).InvokeAsync());
        Assert.Equal(1, await FleetCommand.Build().Parse(["keys", "rotate", "--data", Data]).InvokeAsync());
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "rotate", "--yes", "--data", Data]).InvokeAsync());
    }

    [Fact]
    public async Task Once_every_node_has_enrolled_again_a_second_rotation_loses_none()
    {
        await EnrolledAsync();
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "rotate", "--data", Data]).InvokeAsync());
        await EnrolledAsync();
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "rotate", "--data", Data]).InvokeAsync());
    }

    [Fact]
    public async Task Secrets_of_another_server_are_not_taken()
    {
        await EnrolledAsync();
        File.Move(Secrets, _scratch.File("mine.json"));
        File.Move(Database, _scratch.File("mine.db"));
        await EnrolledAsync();
        File.Move(_scratch.File("mine.db"), Database, overwrite: true);
        await RefusedAsync();
    }

    [Fact]
    public async Task A_running_server_whose_secrets_go_answers_errors_and_never_an_invalid_node()
    {
        var key = await EnrolledAsync();
        await using var app = await StartAsync();

        // The count that begins with the server writes the file too: what is taken away before could come back.
        var board = app.Services.GetRequiredService<ChoreBoard>();
        for (var began = Stopwatch.GetTimestamp(); board.Runs.All(run => run.Name != "installation"); await Task.Yield()) Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(30));
        await File.WriteAllTextAsync(Secrets, "{}");
        var other = await OtherKeyAsync();
        var answer = await PostAsync(app, "config", $$"""{"node_key":"{{other}}"}""");
        Assert.True(answer.ContainsKey("error"), answer.ToJsonString());
        Assert.False(answer.ContainsKey("node_invalid"));
        Assert.NotEmpty(key);
    }

    [Fact]
    public async Task Lost_keys_are_made_anew_when_a_person_says_so()
    {
        var key = await EnrolledAsync();
        File.Delete(Secrets);
        Assert.Equal(0, await FleetCommand.Build().Parse(["keys", "reset", "--data", Data]).InvokeAsync());
        Assert.True(await IsInvalidAsync(key));
    }

    private static async Task<string> OtherKeyAsync()
    {
        using var other = new InstallationTests();
        return await other.EnrolledAsync();
    }

    private async Task CountAsync(int times)
    {
        await using var app = await StartAsync();
        for (var i = 0; i < times; i++) await app.Services.GetRequiredService<Installation>().CountAsync(default);
    }

    private async Task RefusedAsync()
    {
        var before = Directory.EnumerateFiles(Data).Order().ToList();
        await Assert.ThrowsAsync<StorageDamagedException>(StartAsync);
        await Assert.ThrowsAsync<StorageDamagedException>(StartAsync);
        Assert.True(before.Count <= Directory.EnumerateFiles(Data).Count());
    }

    private async Task<WebApplication?> TryStartAsync()
    {
        try
        {
            return await StartAsync();
        }
        catch (StorageDamagedException)
        {
            return null;
        }
    }

    private async Task<WebApplication> StartAsync()
    {
        var app = await Server.BuildAsync(new Dictionary<string, string?> { ["Fleet:Data"] = Data, ["Fleet:Url"] = "http://127.0.0.1:0" }, default);
        await app.StartAsync();
        return app;
    }

    private async Task<string> EnrolledAsync()
    {
        await using var app = await StartAsync();
        var secret = await File.ReadAllTextAsync(Path.Combine(Data, "enroll-secret"));
        var answer = await PostAsync(app, "enroll", $$"""{"enroll_secret":"{{secret}}","host_identifier":"H1"}""");
        await app.StopAsync();
        return (string?)answer["node_key"] ?? throw new InvalidOperationException(answer.ToJsonString());
    }

    private async Task<bool> IsInvalidAsync(string key)
    {
        await using var app = await StartAsync();
        return (bool?)(await PostAsync(app, "config", $$"""{"node_key":"{{key}}"}"""))["node_invalid"] == true;
    }

    private static async Task<JsonObject> PostAsync(WebApplication app, string call, string body)
    {
        using var http = new HttpClient { BaseAddress = Server.AddressOf(app) };
        using var response = await http.PostAsync(new Uri("/" + call, UriKind.Relative), new StringContent(body));
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }
}
