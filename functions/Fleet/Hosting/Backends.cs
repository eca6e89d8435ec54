using Azure.Core;
using Azure.Identity;
using Fleet.Bus;
using Fleet.Bus.Azure;
using Fleet.Bus.Embedded;
using Fleet.Kernel;
using Fleet.Storage;
using Fleet.Storage.Azure;
using Fleet.Storage.Embedded;

namespace Fleet.Hosting;

/// <summary>The one place where Azure's services or the embedded ones are chosen, each by its own setting.</summary>
internal static class Backends
{
    public static IServiceCollection AddBackends(this IServiceCollection services, BackendSettings settings, DataFolder folder)
    {
        services.AddSingleton(folder).AddSingleton<TokenCredential>(_ => CredentialOf(settings));
        if (settings.HasStorage)
        {
            services
                .AddSingleton(s => settings.Storage is { } connection ? StorageAccount.Parse(connection, settings.Blobs) : StorageAccount.Of(settings.Tables!, settings.Blobs, s.GetRequiredService<TokenCredential>()))
                .AddSingleton<ITables>(s => new MeteredTables(new AzureTables(s.GetRequiredService<StorageAccount>())))
                .AddSingleton<IBlobs>(s => new AzureBlobs(s.GetRequiredService<StorageAccount>()));
        }
        else
        {
            services.AddSingleton<ITables>(s => new MeteredTables(ActivatorUtilities.CreateInstance<SqliteTables>(s))).AddSingleton<IBlobs>(_ => new FileBlobs(folder.Blobs));
        }

        if (settings.HasBus)
        {
            services
                .AddSingleton(s => settings.BusConnection is { } connection ? ServiceBusConnection.Parse(connection) : ServiceBusConnection.Of(settings.Bus!, s.GetRequiredService<TokenCredential>()))
                .AddSingleton<DeadLetterTable>().AddSingleton<ServiceBus>().AddSingleton<ServiceBusPump>()
                .AddSingleton<IBus>(s => s.GetRequiredService<ServiceBus>())
                .AddSingleton<IDeadLetters>(s => s.GetRequiredService<ServiceBus>());
        }
        else
        {
            services
                .AddSingleton<SqliteBus>().AddSingleton<BusPump>()
                .AddSingleton<IBus>(s => s.GetRequiredService<SqliteBus>())
                .AddSingleton<IDeadLetters>(s => s.GetRequiredService<SqliteBus>());
        }

        return services
            .AddSingleton(s => new SqliteDatabase(folder.Database, s.GetRequiredService<Limits>()))
            .AddSingleton<ISecrets>(s => settings.Vault is { } vault
                ? new KeyVaultSecrets(vault, s.GetRequiredService<TokenCredential>())
                : new FileSecrets(folder.Secrets, s.GetRequiredService<TimeProvider>()));
    }

    private static TokenCredential CredentialOf(BackendSettings settings) => settings.ClientId is { } id
        ? new ManagedIdentityCredential(ManagedIdentityId.FromUserAssignedClientId(id))
        : new DefaultAzureCredential();
}
