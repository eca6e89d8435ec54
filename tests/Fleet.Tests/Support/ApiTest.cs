using Fleet.Manager;

namespace Fleet.Tests.Support;

/// <summary>A server of its own for each test, and an admin.</summary>
public abstract class ApiTest : IAsyncLifetime
{
    internal RunningServer Server { get; private set; } = null!;

    internal Api Api { get; private set; } = null!;

    protected virtual (string Key, string Value)[] Settings => [];

    public async Task InitializeAsync()
    {
        Server = await RunningServer.StartAsync(Settings);
        Api = await Server.SignInAsync(Role.Admin);
    }

    public async Task DisposeAsync()
    {
        Api.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>Enrolls a machine; its node key.</summary>
    protected async Task<string> EnrollAsync(string host, string? secret = null, int platform = 9, string version = "5.23.1", string instance = "")
    {
        var answer = await Api.AgentAsync("enroll", $$"""
            {"enroll_secret":"{{secret ?? Server.Secret}}","host_identifier":"{{host}}","platform_type":"{{platform}}","host_details":{"osquery_info":{"version":"{{version}}","instance_id":"{{instance}}"},"system_info":{"hostname":"{{host}}"} } }
            """);
        return (string?)answer["node_key"] ?? throw new InvalidOperationException(answer.ToJsonString());
    }

    protected static string IdOf(string host) => Fleet.Kernel.NodeId.OfHost(host).ToString();

    protected async Task LogAsync(string key, string lines, string type = "result") =>
        Assert.DoesNotContain("error", (await Api.AgentAsync("log", $$"""{"node_key":"{{key}}","log_type":"{{type}}","data":{{lines}} }""")).ToJsonString(), StringComparison.Ordinal);

    protected async Task<List<string?>> NamesAsync(string path, string member = "displayName") =>
        [.. (await Api.GetAsync(path))["items"]!.AsArray().Select(item => (string?)item![member])];
}
