using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Fleet.Shared;
using Fleet.Swarm;

namespace Fleet.EndToEnd;

/// <summary>The built program, started as a user starts it, on a data folder of its own.</summary>
internal class ProgramUnderTest : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _output = new();
    private readonly bool _ownsFolder;
    private Process? _process;
    private HttpClient? _http;
    private HttpClient? _stranger;

    public ProgramUnderTest(params (string Name, string Value)[] environment)
        : this(Directory.CreateTempSubdirectory("fleet-e2e-").FullName, ownsFolder: true, environment)
    {
    }

    protected ProgramUnderTest(string folder, bool ownsFolder, (string Name, string Value)[] environment)
    {
        (Folder, _ownsFolder) = (folder, ownsFolder);
        Environment = [];
        Environment["Fleet__Outbound__Allow"] = "127.0.0.0/8,::1,localhost";
        foreach (var (name, value) in environment) Environment[name] = value;
    }

    public string Folder { get; }

    public string Data => Path.Combine(Folder, "data");

    public Uri Url { get; protected set; } = new("https://localhost");

    public string Output => string.Join('\n', _output);

    /// <summary>What is started; null for the built program.</summary>
    protected virtual string? Program => System.Environment.GetEnvironmentVariable("FLEET_PROGRAM");

    /// <summary>What the program, and every command, finds in its environment.</summary>
    protected Dictionary<string, string> Environment { get; }

    public virtual string Secret => File.ReadAllText(Path.Combine(Data, "enroll-secret"));

    /// <summary>Another process on the same folder.</summary>
    public virtual ProgramUnderTest Beside(params (string Name, string Value)[] environment) => new(Folder, ownsFolder: false, environment);

    /// <summary>Starts the server and waits until it is healthy.</summary>
    public virtual Task StartAsync() => StartServerAsync("serve");

    /// <summary>Starts the server with simulated agents.</summary>
    public Task StartDemoAsync(int nodes) => StartServerAsync("demo", "--nodes", nodes.ToString(CultureInfo.InvariantCulture));

    /// <summary>Starts the server as behind a TLS terminator.</summary>
    public Task StartPlainAsync() => StartServerAsync(["serve"], "http://127.0.0.1:0");

    private Task StartServerAsync(params string[] command) => StartServerAsync(command, "https://localhost:0");

    private async Task StartServerAsync(string[] command, string url)
    {
        _output.Clear();
        _process = Start([.. command, "--data", Data, "--url", url]);
        _process.OutputDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        const string Listens = "Fleet listens on ";
        await Eventually.TrueAsync(() => _process.HasExited || _output.Any(line => line.StartsWith(Listens, StringComparison.Ordinal)), () => Output);
        Assert.False(_process.HasExited, Output);
        Url = new(_output.First(line => line.StartsWith(Listens, StringComparison.Ordinal))[Listens.Length..]);
        await ConnectAsync(Path.Combine(Data, "certs", "fleet.crt"));
        await Eventually.TrueAsync(() => _output.Any(line => line.Contains("Ctrl-C", StringComparison.Ordinal)), () => Output);
    }

    /// <summary>Ends the process as the operating system does when it must: without a word.</summary>
    public virtual async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Asks the process to stop, as Ctrl-C and service managers do; its exit code.</summary>
    public async Task<int> StopAsync(string signal = "INT")
    {
        using var kill = Process.Start("kill", [$"-{signal}", _process!.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <summary>Runs a command to its end.</summary>
    public Task<(int Code, string Output, string Errors)> RunAsync(params string[] arguments) => RunToEndAsync(Start(arguments));

    /// <summary>Runs a command that asks this server by HTTP.</summary>
    public Task<(int Code, string Output, string Errors)> AskAsync(params string[] arguments) =>
        RunAsync([.. arguments, "--server", Url.GetLeftPart(UriPartial.Authority), "--token", Token, "--cacert", Certificate]);

    /// <summary>A request of any kind, with its answer.</summary>
    public async Task<(int Status, string Text, HttpResponseHeaders Headers)> TryAsync(string method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        if (headers.Any(header => header.Name == "Cookie")) request.Headers.Authorization = null;
        using var response = await (headers.Any(header => header.Name == "Cookie") ? _stranger : _http)!.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
    }

    /// <summary>What a GET answers, as it came over the wire.</summary>
    public async Task<byte[]> TryBytesAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await _http!.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, $"{path}: {(int)response.StatusCode}");
        return await response.Content.ReadAsByteArrayAsync();
    }

    /// <summary>The same by <c>dotnet run</c>, of what is built already.</summary>
    public Task<(int Code, string Output, string Errors)> RunFromSourceAsync(string configuration, params string[] arguments)
    {
        return RunToEndAsync(StartDotnet(["run", "--no-build", "--configuration", configuration, "--project", Path.Combine(RepositoryRoot.Path, "functions", "Fleet"), "--", .. arguments]));
    }

    private static async Task<(int Code, string Output, string Errors)> RunToEndAsync(Process started)
    {
        using var process = started;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Makes an admin's token and uses it from now on.</summary>
    public async Task SignInAsync()
    {
        var (code, token, errors) = await RunAsync("token", "create", "--data", Data, "--name", "test", "--role", "admin");
        Assert.True(code == 0, errors);
        Token = token.Trim();
        _http!.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
    }

    public string Token { get; private set; } = "";

    /// <summary>What the server's certificate is trusted by.</summary>
    public string Certificate { get; private set; } = "";

    public void UseToken(string token) => _http!.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);

    public async Task<JsonNode> GetAsync(string path) => await SendAsync("GET", path);

    public async Task<JsonNode> SendAsync(string method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await _http!.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"{method} {path}: {(int)response.StatusCode} {text}\n{Output}");
        return text.Length > 0 ? JsonNode.Parse(text)! : new JsonObject();
    }

    /// <summary>Makes a rule that raises an alert for every line of a query, and has it logged.</summary>
    public Task<JsonNode> WatchAsync(string query) => SendAsync("POST", "/api/rules", $$$"""
        {"name":"watch {{{query}}}","alerters":["log"],"conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"{{{query}}}"}]}}
        """);

    /// <summary>All entries of a list; null if the server did not answer.</summary>
    public async Task<List<JsonNode>?> TryListAsync(string path)
    {
        try
        {
            return await ListAsync(path);
        }
        catch (Exception fault) when (fault is Xunit.Sdk.TrueException or HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>All entries of a list.</summary>
    public async Task<List<JsonNode>> ListAsync(string path)
    {
        var items = new List<JsonNode>();
        string? after = null;
        do
        {
            var page = await GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}take=1000{(after is null ? "" : "&after=" + Uri.EscapeDataString(after))}");
            items.AddRange(page["items"]!.AsArray().Select(item => item!));
            after = (string?)page["next"];
        }
        while (after is not null);
        return items;
    }

    public SimulatedAgent Agent(int number, string? secret = null, bool keepAlive = false, AgentOptions? options = null, SwarmMeter? meter = null) => new(
        new(seed: 42, number), options ?? new(secret ?? Secret, EventFormat: number % 2 == 0, Compress: number % 3 == 0, EnrollAttempts: 1),
        new AgentTransport(new(Url, keepAlive, AcceptGzip: number % 2 == 0), meter), meter, TimeProvider.System);

    public async Task<JsonNode> NodeOfAsync(SimulatedAgent agent) => (await ListAsync("/api/nodes")).Single(node => (string?)node["hostIdentifier"] == agent.Machine.Uuid);

    public virtual async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false }) await KillAsync();
        _process?.Dispose();
        _http?.Dispose();
        if (_ownsFolder) Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Connects anew, and sees that the server is healthy. Trusts that certificate and no other, as an agent with its flags does.</summary>
    protected async Task ConnectAsync(string certificate)
    {
        Certificate = certificate;
        var handler = new SocketsHttpHandler { UseCookies = false };
        handler.SslOptions.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        if (Url.Scheme == "https") handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(certificate);
        _http?.Dispose();
        _http = new(handler) { BaseAddress = Url };
        _stranger = new(handler, disposeHandler: false) { BaseAddress = Url };
        Assert.Equal("ok", (string?)(await GetAsync("/healthz"))["status"]);
    }

    protected void Print(string? line) => _output.Enqueue(line ?? "");

    private Process Start(IEnumerable<string> arguments) => Program is { } program ? Start(program, arguments) : StartDotnet([Path.Combine(AppContext.BaseDirectory, "fleet.dll"), .. arguments]);

    private Process StartDotnet(IEnumerable<string> arguments) => Start("dotnet", arguments);

    private Process Start(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in Environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}

/// <summary>Waits for what must come soon; how long it may take is only there to end a test that fails.</summary>
internal static class Eventually
{
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(60);

    public static Task TrueAsync(Func<bool> condition, Func<string>? explain = null) => TrueAsync(() => Task.FromResult(condition()), explain);

    /// <param name="most">Where what comes may have to wait for a lock to end, or for a chore that looks for what was left.</param>
    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string>? explain = null, TimeSpan? most = null)
    {
        var limit = most ?? s_most;
        var began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < limit, $"It did not happen within {limit}. {explain?.Invoke()}");
            await Task.Delay(25);
        }
    }
}
