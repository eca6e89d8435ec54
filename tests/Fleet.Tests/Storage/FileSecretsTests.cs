using Fleet.Shared;
using Fleet.Storage.Embedded;
using Fleet.Tests.Support;

namespace Fleet.Tests.Storage;

public sealed class FileSecretsTests
{
    [Fact]
    public async Task Versions_are_kept_newest_first_and_another_process_sees_them()
    {
        using var scratch = new Scratch();
        var clock = new ManualClock();
        var secrets = new FileSecrets(scratch.File("secrets.json"), clock);
        Assert.Empty(await secrets.FindAsync("key", default));
        await secrets.AddAsync("key", "old", default);
        clock.Advance(TimeSpan.FromSeconds(1));
        await secrets.AddAsync("key", "new", default);

        var found = await new FileSecrets(scratch.File("secrets.json"), clock).FindAsync("key", default);

        Assert.Equal(["new", "old"], found.Select(version => version.Value));
        await secrets.RetireAsync("key", 0, default);
        Assert.Empty(await secrets.FindAsync("key", default));
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_file()
    {
        using var scratch = new Scratch();
        await new FileSecrets(scratch.File("secrets.json"), TimeProvider.System).AddAsync("key", "value", default);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(scratch.File("secrets.json")));
    }

    [Fact]
    public async Task Writers_at_once_lose_nothing()
    {
        using var scratch = new Scratch();
        var stores = Enumerable.Range(0, 4).Select(_ => new FileSecrets(scratch.File("secrets.json"), TimeProvider.System)).ToList();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => stores[i % 4].AddAsync("key", "v" + i, default).AsTask()));
        Assert.Equal(20, (await stores[0].FindAsync("key", default)).Count);
    }
}
