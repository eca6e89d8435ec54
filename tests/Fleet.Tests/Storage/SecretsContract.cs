using Azure.Core;
using Azure.Identity;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Azure;
using Fleet.Storage.Embedded;

namespace Fleet.Tests.Storage;

/// <summary>What every <see cref="ISecrets"/> promises. Derive once per implementation; add nothing there.</summary>
public abstract class SecretsContract : IAsyncLifetime
{
    internal abstract ISecrets Secrets { get; }

    public virtual Task InitializeAsync() => Task.CompletedTask;

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_secret_that_was_never_set_has_no_versions() => Assert.Empty(await Secrets.FindAsync("key", default));

    [Fact]
    public async Task Versions_come_newest_first()
    {
        for (var i = 0; i < 5; i++) await Secrets.AddAsync("key", "v" + i, default);
        Assert.Equal(["v4", "v3", "v2", "v1", "v0"], (await Secrets.FindAsync("key", default)).Select(version => version.Value));
    }

    [Fact]
    public async Task Retired_versions_are_not_found_and_a_removed_secret_can_be_set_again()
    {
        for (var i = 0; i < 3; i++) await Secrets.AddAsync("key", "v" + i, default);
        await Secrets.RetireAsync("key", 2, default);
        Assert.Equal(["v2", "v1"], (await Secrets.FindAsync("key", default)).Select(version => version.Value));
        await Secrets.RetireAsync("key", 0, default);
        Assert.Empty(await Secrets.FindAsync("key", default));
        await Secrets.RetireAsync("key", 0, default);
        await Secrets.AddAsync("key", "again", default);
        Assert.Equal("again", Assert.Single(await Secrets.FindAsync("key", default)).Value);
    }

    [Fact]
    public async Task Any_text_can_be_a_name_and_case_tells_names_apart()
    {
        string[] names = ["alerter-pager", "alerter-Pager", "alerter-~C3~A9", "alerter-a_b.c", "alerter-" + new string('n', 200)];
        foreach (var name in names) await Secrets.AddAsync(name, "of " + name, default);
        foreach (var name in names) Assert.Equal("of " + name, Assert.Single(await Secrets.FindAsync(name, default)).Value);
    }
}

public sealed class FileSecretsContractTests : SecretsContract
{
    private readonly Scratch _scratch = new();

    public FileSecretsContractTests() => Secrets = new FileSecrets(_scratch.File("secrets.json"), TimeProvider.System);

    internal override ISecrets Secrets { get; }

    public override Task DisposeAsync()
    {
        _scratch.Dispose();
        return Task.CompletedTask;
    }
}

public sealed class KeyVaultSecretsTests : SecretsContract
{
    private FakeKeyVault _vault = null!;

    internal override ISecrets Secrets => new KeyVaultSecrets(_vault.Url, new Entra(), TestCertificate.Instance.NewTransport());

    public override async Task InitializeAsync() => _vault = await FakeKeyVault.StartAsync();

    public override async Task DisposeAsync() => await _vault.DisposeAsync();

    [Fact]
    public async Task A_vault_that_does_not_answer_is_a_store_that_does_not_answer()
    {
        _vault.IsDown = true;
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await Secrets.FindAsync("key", default));
    }

    [Fact]
    public async Task Without_an_identity_the_store_does_not_answer()
    {
        var secrets = new KeyVaultSecrets(_vault.Url, new Nobody(), TestCertificate.Instance.NewTransport());
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await secrets.FindAsync("key", default));
    }

    private sealed class Entra : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(FakeIdentity.TokenFor(requestContext.Scopes[0].Replace("/.default", "", StringComparison.Ordinal)), DateTimeOffset.UtcNow.AddHours(1));

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => ValueTask.FromResult(GetToken(requestContext, cancellationToken));
    }

    private sealed class Nobody : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new CredentialUnavailableException("There is no identity.");

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new CredentialUnavailableException("There is no identity.");
    }
}
