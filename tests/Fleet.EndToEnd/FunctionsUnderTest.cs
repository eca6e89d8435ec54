using Fleet.Hosting;
using Fleet.Shared;

namespace Fleet.EndToEnd;

/// <summary>The published program behind a Functions host of its own.</summary>
internal sealed class FunctionsUnderTest : ProgramUnderTest
{
    private readonly (string Name, string Value)[] _environment;
    private readonly bool _ownsCloud;
    private FakeCloud? _cloud;
    private FakeHost? _host;

    public FunctionsUnderTest(params (string Name, string Value)[] environment)
        : this(Directory.CreateTempSubdirectory("fleet-functions-").FullName, cloud: null, environment)
    {
    }

    private FunctionsUnderTest(string folder, FakeCloud? cloud, (string Name, string Value)[] environment)
        : base(folder, ownsFolder: cloud is null, environment) => (_environment, _cloud, _ownsCloud) = (environment, cloud, cloud is null);

    public FakeCloud Cloud => _cloud ?? throw new InvalidOperationException("It was not started.");

    public FakeHost Host => _host ?? throw new InvalidOperationException("It was not started.");

    public override string Secret => Cloud.Vault.ValuesOf(FirstStart.VaultSecret).Single();

    public override ProgramUnderTest Beside(params (string Name, string Value)[] environment) => new FunctionsUnderTest(Folder, Cloud, [.. _environment, .. environment]);

    public override async Task StartAsync()
    {
        _cloud ??= await FakeCloud.StartAsync();
        foreach (var (name, value) in Cloud.Settings) Environment.TryAdd(name, value);
        _host = await FakeHost.StartAsync(PublishedFolder.Path, Environment, Cloud.Bus, Print);
        Url = _host.Url;
        await ConnectAsync(TestCertificate.Instance.Path);
    }

    /// <summary>The whole instance vanishes, as instances do.</summary>
    public override async Task KillAsync()
    {
        await Host.DisposeAsync();
        _host = null;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_host is not null) await _host.DisposeAsync();
        if (_ownsCloud && _cloud is not null) await _cloud.DisposeAsync();
        await base.DisposeAsync();
    }
}
