using System.Text;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Azure;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Storage;

/// <summary>What every <see cref="IBlobs"/> promises. Derive once per implementation; add nothing there.</summary>
public abstract class BlobContract : IAsyncLifetime
{
    private static readonly BlobName s_blob = new("things", "a/b.tar");

    internal IBlobs Blobs { get; private set; } = null!;

    internal abstract ValueTask<IBlobs> OpenEmptyAsync();

    public async Task InitializeAsync() => Blobs = await OpenEmptyAsync();

    public virtual Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Blocks_in_any_order_and_twice_become_one_blob()
    {
        foreach (var (block, text) in new[] { (2, "c"), (0, "wrong"), (1, "bb"), (0, "aaa") }) await Blobs.StageAsync(s_blob, block, Encoding.ASCII.GetBytes(text), default);
        Assert.Null(await Blobs.OpenAsync(s_blob, default));
        Assert.Equal(new Dictionary<int, long> { [0] = 3, [1] = 2, [2] = 1 }, await Blobs.StagedAsync(s_blob, default));
        Assert.True(await Blobs.CommitAsync(s_blob, 3, default));
        Assert.Equal("aaabbc", await ReadAsync());
        Assert.Empty(await Blobs.StagedAsync(s_blob, default));
        await Blobs.StageAsync(s_blob, 1, "late"u8.ToArray(), default);
        Assert.Equal("aaabbc", await ReadAsync());
    }

    [Fact]
    public async Task A_blob_with_a_block_missing_is_not_made()
    {
        Assert.False(await Blobs.CommitAsync(s_blob, 1, default));
        await Blobs.StageAsync(s_blob, 0, "a"u8.ToArray(), default);
        await Blobs.StageAsync(s_blob, 2, "c"u8.ToArray(), default);
        Assert.False(await Blobs.CommitAsync(s_blob, 3, default));
        Assert.Null(await Blobs.OpenAsync(s_blob, default));
    }

    [Theory]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("/x")]
    [InlineData("a\\x")]
    [InlineData("")]
    public void A_name_stays_in_its_container(string name) => Assert.Throws<ArgumentException>(() => new BlobName("things", name));

    [Fact]
    public async Task What_is_appended_stands_in_its_order()
    {
        foreach (var text in new[] { "one\n", "two\n", "three\n" }) await Blobs.AppendAsync(s_blob, Encoding.ASCII.GetBytes(text), default);
        Assert.Equal("one\ntwo\nthree\n", await ReadAsync());
    }

    [Fact]
    public async Task A_removed_blob_is_gone_with_its_blocks()
    {
        await Blobs.RemoveAsync(s_blob, default);
        await Blobs.StageAsync(s_blob, 0, "a"u8.ToArray(), default);
        Assert.True(await Blobs.CommitAsync(s_blob, 1, default));
        await Blobs.RemoveAsync(s_blob, default);
        Assert.Null(await Blobs.OpenAsync(s_blob, default));
        Assert.Empty(await Blobs.StagedAsync(s_blob, default));
    }

    [Fact]
    public async Task Large_blocks_come_back_whole()
    {
        var block = new byte[5 << 20];
        Random.Shared.NextBytes(block);
        await Blobs.StageAsync(s_blob, 0, block, default);
        await Blobs.StageAsync(s_blob, 1, block, default);
        Assert.True(await Blobs.CommitAsync(s_blob, 2, default));
        await using var stream = await Blobs.OpenAsync(s_blob, default);
        using var all = new MemoryStream();
        await stream!.CopyToAsync(all);
        Assert.True(all.ToArray().AsSpan().SequenceEqual([.. block, .. block]));
    }

    private async Task<string> ReadAsync()
    {
        await using var stream = await Blobs.OpenAsync(s_blob, default);
        using var reader = new StreamReader(stream!);
        return await reader.ReadToEndAsync();
    }
}

public sealed class FileBlobsTests : BlobContract
{
    private readonly Scratch _scratch = new();

    internal override ValueTask<IBlobs> OpenEmptyAsync() => ValueTask.FromResult<IBlobs>(new FileBlobs(_scratch.Path));

    public override Task DisposeAsync()
    {
        _scratch.Dispose();
        return Task.CompletedTask;
    }
}

public sealed class AzureBlobsTests : BlobContract
{
    internal override async ValueTask<IBlobs> OpenEmptyAsync()
    {
        var azurite = await Azurite.PlainAsync();
        return new AzureBlobs(StorageAccount.Parse(azurite.ConnectionStringOf(azurite.NewAccount())));
    }
}
