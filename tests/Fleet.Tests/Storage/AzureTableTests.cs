using System.Security.Cryptography;
using System.Text;
using Fleet.Shared;
using Fleet.Storage;
using Fleet.Storage.Azure;

namespace Fleet.Tests.Storage;

/// <summary>By the account's key.</summary>
public sealed class AzureTableTests : TableContract
{
    internal override async ValueTask<ITables> OpenEmptyAsync()
    {
        var azurite = await Azurite.PlainAsync();
        return new AzureTables(StorageAccount.Parse(azurite.ConnectionStringOf(azurite.NewAccount())));
    }
}

/// <summary>By an account SAS.</summary>
public sealed class AzureTableBySasTests : TableContract
{
    internal override async ValueTask<ITables> OpenEmptyAsync()
    {
        var azurite = await Azurite.PlainAsync();
        var account = azurite.NewAccount();
        return new AzureTables(StorageAccount.Parse($"TableEndpoint={azurite.Tables}{account};BlobEndpoint={azurite.Blobs}{account};SharedAccessSignature={Sas(account)}"));
    }

    /// <summary>Everything in the table service for an hour. Source: "Create an account SAS".</summary>
    private static string Sas(string account)
    {
        const string Version = "2020-08-04", Permissions = "rwdlacu", Services = "t", Types = "sco";
        var expiry = DateTime.UtcNow.AddHours(1).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
        var text = $"{account}\n{Permissions}\n{Services}\n{Types}\n\n{expiry}\n\n\n{Version}\n";
        var signature = Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(Azurite.Key), Encoding.UTF8.GetBytes(text)));
        return $"sv={Version}&ss={Services}&srt={Types}&sp={Permissions}&se={Uri.EscapeDataString(expiry)}&sig={Uri.EscapeDataString(signature)}";
    }
}
