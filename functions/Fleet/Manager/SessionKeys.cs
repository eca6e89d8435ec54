using System.Xml.Linq;
using Fleet.Storage;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Fleet.Manager;

/// <summary>Keeps the keys that protect sessions with the other secrets, so that sessions outlive a restart and are good on every instance.</summary>
/// <remarks>ASP.NET adds a key every 90 days and reads them when the first session is made or seen. Its interface knows no waiting.</remarks>
internal sealed class SessionKeys(ISecrets secrets) : IXmlRepository
{
    private const string Name = "session-keys";

    public IReadOnlyCollection<XElement> GetAllElements() =>
        [.. secrets.FindAsync(Name, CancellationToken.None).AsTask().GetAwaiter().GetResult().Select(version => XElement.Parse(version.Value))];

    public void StoreElement(XElement element, string friendlyName) =>
        secrets.AddAsync(Name, element.ToString(SaveOptions.DisableFormatting), CancellationToken.None).AsTask().GetAwaiter().GetResult();
}
