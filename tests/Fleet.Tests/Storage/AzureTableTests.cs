using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Azure;

namespace Fleet.Tests.Storage;

public sealed class AzureTableTests : TableContract
{
    internal override async ValueTask<ITables> OpenEmptyAsync()
    {
        var azurite = await Azurite.PlainAsync();
        return new AzureTables(StorageAccount.Parse(azurite.ConnectionStringOf(azurite.NewAccount())), TimeProvider.System);
    }
}
