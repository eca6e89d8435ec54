using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fleet.Cli;
using Fleet.Hosting;
using Fleet.Manager;
using Fleet.Nodes;
using Fleet.Results;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Fleet.Tests.Cli;

/// <summary>Slips at the start and on the command line are told in words, and make nothing.</summary>
public sealed class SlipTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    public static TheoryData<string[]> OnNothing() =>
    [
        ["token", "create", "--name", "n", "--role", "admin"], ["user", "list"], ["user", "remove", "x"], ["secret", "list"], ["secret", "create"], ["keys", "rotate"], ["keys", "pair"], ["keys", "reset"], ["import", "x.conf"],
        ["backup", "x.tar"],
    ];

    [Theory]
    [MemberData(nameof(OnNothing))]
    public async Task A_mistyped_data_folder_makes_no_new_server(string[] command)
    {
        var folder = _scratch.File("mistyped");
        Assert.Equal(1, await FleetCommand.Build().Parse([.. command, "--data", folder]).InvokeAsync());
        Assert.False(File.Exists(Path.Combine(folder, "fleet.db")));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void A_command_lists_no_option_that_it_ignores()
    {
        var root = FleetCommand.Build();
        foreach (var name in new[] { "nodes", "query", "pack", "rules", "plan", "apply", "export", "swarm", "schema" })
        {
            var command = root.Subcommands.Single(one => one.Name == name);
            Assert.DoesNotContain(command.Subcommands.Append(command), one => one.Options.Any(option => option.Name is "--data" or "--url" && name != "swarm"));
        }

        Assert.All(root.Subcommands.Where(one => one.Name is "token" or "user" or "secret" or "keys").SelectMany(one => one.Subcommands), one => Assert.Contains(one.Options, option => option.Name == "--data"));
    }

    [Theory]
    [InlineData("no PEM at all", null)]
    [InlineData("", null)]
    [InlineData(null, "no key")]
    [InlineData(null, "OTHER")]
    public async Task A_certificate_or_key_that_cannot_be_used_is_a_line(string? certificate, string? key)
    {
        var (made, pem) = Made(DateTimeOffset.UtcNow.AddDays(100));
        await File.WriteAllTextAsync(_scratch.File("c.pem"), certificate ?? made);
        await File.WriteAllTextAsync(_scratch.File("k.pem"), key == "OTHER" ? Made(DateTimeOffset.UtcNow.AddDays(100)).Key : key ?? pem);
        var fault = await Assert.ThrowsAsync<SettingsException>(() => RunningServer.StartAsync(("Url", "https://127.0.0.1:0"), ("Http:Certificate", _scratch.File("c.pem")), ("Http:CertificateKey", _scratch.File("k.pem"))));
        Assert.Contains(".pem", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-1, "expired")]
    [InlineData(5, "expires")]
    [InlineData(13.5, "expires")]
    [InlineData(30, null)]
    public async Task A_certificate_that_ends_soon_is_told_in_health_and_to_rules(double days, string? word)
    {
        var (certificate, key) = Made(DateTimeOffset.UtcNow.AddDays(days));
        await File.WriteAllTextAsync(_scratch.File("c.pem"), certificate);
        await File.WriteAllTextAsync(_scratch.File("k.pem"), key);
        await using var server = await RunningServer.StartAsync(("Url", "https://127.0.0.1:0"), ("Http:Certificate", _scratch.File("c.pem")), ("Http:CertificateKey", _scratch.File("k.pem")));
        var (isWell, words) = server.Services.GetRequiredService<OwnCertificate>().At(DateTimeOffset.UtcNow);
        Assert.Equal(word is null, isWell);
        if (word is null) return;
        Assert.Contains(word, words, StringComparison.Ordinal);
        var batches = server.Services.GetRequiredService<ResultPages>();
        for (var left = 200; (await batches.ResultsAsync(default, new(BuiltInResults.CertificateExpires, null, null), 10, null, default)).Items.Count == 0; left--)
        {
            Assert.True(left > 0, "No result for rules.");
            await Task.Delay(25);
        }
    }

    [Fact]
    public async Task A_database_that_is_damaged_or_anothers_is_a_line_and_stays_as_it_is()
    {
        foreach (var (name, make) in new (string, Action<string>)[]
        {
            ("text", path => File.WriteAllText(path, "this is no database, and longer than a page would be " + new string('x', 10_000))),
            ("foreign", path =>
            {
                using var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False");
                other.Open();
                using var command = other.CreateCommand();
                command.CommandText = "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)";
                command.ExecuteNonQuery();
            }),
        })
        {
            var folder = _scratch.File(name);
            Directory.CreateDirectory(folder);
            make(Path.Combine(folder, "fleet.db"));
            var before = await File.ReadAllBytesAsync(Path.Combine(folder, "fleet.db"));
            await Assert.ThrowsAsync<StorageUnavailableException>(() => Server.BuildAsync(new Dictionary<string, string?> { ["Fleet:Data"] = folder, ["Fleet:Url"] = "http://127.0.0.1:0" }, default));
            Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(folder, "fleet.db")));
            Assert.Equal(1, await FleetCommand.Build().Parse(["user", "list", "--data", folder]).InvokeAsync());
        }
    }

    [Theory]
    [InlineData(SocketError.AccessDenied, "root")]
    [InlineData(SocketError.AddressAlreadyInUse, "already")]
    [InlineData(SocketError.AddressNotAvailable, "no address")]
    [InlineData(SocketError.NetworkDown, "cannot listen")]
    public void That_it_cannot_listen_is_told_with_what_to_do(SocketError code, string words) => Assert.Contains(words, ServeCommand.ListenFault(new("https://localhost:443"), code), StringComparison.Ordinal);

    [Fact]
    public async Task A_port_that_is_taken_is_a_line()
    {
        using var taken = new TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((System.Net.IPEndPoint)taken.LocalEndpoint).Port;
        Assert.Equal(1, await FleetCommand.Build().Parse(["serve", "--data", _scratch.File("data"), "--url", $"http://127.0.0.1:{port}"]).InvokeAsync());
    }

    [Fact]
    public async Task The_last_admin_stays_whoever_removes_whom_at_once()
    {
        await using var world = await World.OpenAsync();
        var users = world.Get<UserStore>();
        await users.AddAsync("ada", "correct horse", Role.Admin, default);
        await Assert.ThrowsAsync<LastAdminException>(async () => await users.RemoveAsync("ada", default));
        await Assert.ThrowsAsync<LastAdminException>(async () => await users.SetRoleAsync("ada", Role.Viewer, default));
        await users.AddAsync("bob", "correct horse", Role.Admin, default);
        await Task.WhenAll(new[] { "ada", "bob" }.Select(async name =>
        {
            try
            {
                await Task.Yield();
                await users.RemoveAsync(name, default);
            }
            catch (LastAdminException)
            {
                // One of them at least stays.
            }
        }));
        Assert.Contains(await users.ListAsync(default), user => user.Role == Role.Admin);
    }

    private static (string Certificate, string Key) Made(DateTimeOffset notAfter)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=fleet", key, HashAlgorithmName.SHA256).CreateSelfSigned(notAfter.AddDays(-200), notAfter);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
