using Fleet.Storage.Azure;
using Fleet.Bus.Azure;

namespace Fleet.Hosting;

/// <summary>Which of Azure's services are used. What is not set is embedded: files and a database in the data folder.</summary>
/// <param name="Tables">The table service of a storage account, entered with an identity. Blobs are beside it, or at <paramref name="Blobs"/>.</param>
/// <param name="Storage">Instead of <paramref name="Tables"/>: a storage account's connection string, with its key or a SAS.</param>
/// <param name="Bus">A Service Bus namespace, <c>NAME.servicebus.windows.net</c>, entered with an identity.</param>
/// <param name="BusConnection">Instead of <paramref name="Bus"/>: a connection string.</param>
/// <param name="Vault">A Key Vault, entered with an identity.</param>
/// <param name="ClientId">The client id of a user-assigned identity; null for whatever identity there is.</param>
internal sealed record BackendSettings(Uri? Tables, Uri? Blobs, string? Storage, string? Bus, string? BusConnection, Uri? Vault, string? ClientId)
{
    public bool HasStorage => Tables is not null || Storage is not null;

    public bool HasBus => Bus is not null || BusConnection is not null;

    /// <summary>Whether anything lies in the data folder.</summary>
    public bool IsEmbedded => !HasStorage || !HasBus || Vault is null;

    public static BackendSettings Read(SettingsReader read)
    {
        var settings = new BackendSettings(
            read.OptionalUrl("Storage:TableEndpoint", "https://name.table.core.windows.net"), read.OptionalUrl("Storage:BlobEndpoint", "https://name.blob.core.windows.net"), read.Secret("Storage:ConnectionString"),
            read.Text("Bus:Namespace", null), read.Secret("Bus:ConnectionString"), read.OptionalUrl("Vault:Uri", "https://name.vault.azure.net"), read.Text("Azure:ClientId", null));
        if (settings is { Tables: not null, Storage: not null }) read.Fault("Storage:ConnectionString", "this or Storage__TableEndpoint is set, not both");
        if (settings is { Bus: not null, BusConnection: not null }) read.Fault("Bus:ConnectionString", "this or Bus__Namespace is set, not both");
        if (settings.Bus is { } bus && (!Uri.TryCreate($"https://{bus}/", UriKind.Absolute, out var uri) || !uri.Authority.Equals(bus, StringComparison.OrdinalIgnoreCase))) read.Fault("Bus:Namespace", $"'{bus}' is not a host's name such as fleet.servicebus.windows.net");
        read.Check("Storage:ConnectionString", () =>
        { if (settings.Storage is { } storage) StorageAccount.Parse(storage, settings.Blobs); });
        read.Check("Bus:ConnectionString", () =>
        { if (settings.BusConnection is { } connection) ServiceBusConnection.Parse(connection); });
        read.Check("Storage:TableEndpoint", () =>
        { if (settings is { Tables: { } tables, Blobs: null }) StorageAccount.BlobsBeside(tables); });
        return settings;
    }
}
