using Fleet.Shared;

namespace Fleet.EndToEnd;

/// <summary>What <c>azd up</c> would have made: a storage account, a Service Bus namespace, a vault and an identity, and the app settings that name them.</summary>
internal sealed class FakeCloud : IAsyncDisposable
{
    private FakeCloud(FakeServiceBus bus, FakeKeyVault vault, FakeIdentity identity, Azurite azurite)
    {
        (Bus, Vault, Identity) = (bus, vault, identity);
        var account = azurite.NewAccount();
        Settings = new Dictionary<string, string>(identity.Environment)
        {
            ["Fleet__Storage__TableEndpoint"] = azurite.Tables + account,
            ["Fleet__Storage__BlobEndpoint"] = azurite.Blobs + account,
            ["Fleet__Bus__Namespace"] = bus.Host,
            ["Fleet__Vault__Uri"] = vault.Url.ToString(),
            ["Fleet__Azure__ClientId"] = "5f0e8d67-0f5d-4b0c-9f0a-6d8a3b8b8f11",
            ["SSL_CERT_FILE"] = TestCertificate.Instance.Path,
            ["ServiceBus__fullyQualifiedNamespace"] = bus.Host,
            ["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] = "2000000000",
            ["ResultsTopic"] = "results",
            ["RulesSubscription"] = "rules",
            ["SinksSubscription"] = "sinks",
            ["AlertsQueue"] = "alerts",
            ["UpkeepSchedule"] = "0 * * * * *",
        };
    }

    public FakeServiceBus Bus { get; }

    public FakeKeyVault Vault { get; }

    public FakeIdentity Identity { get; }

    public IReadOnlyDictionary<string, string> Settings { get; }

    public static async Task<FakeCloud> StartAsync() =>
        new(FakeServiceBus.Start(secure: true, lockTime: TimeSpan.FromSeconds(2)), await FakeKeyVault.StartAsync(), await FakeIdentity.StartAsync(), await Azurite.SecureAsync());

    public async ValueTask DisposeAsync()
    {
        await Bus.DisposeAsync();
        await Vault.DisposeAsync();
        await Identity.DisposeAsync();
    }
}
