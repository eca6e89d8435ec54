using System.Globalization;
using System.Text.Json;
using Azure;

namespace Fleet.Storage.Azure;

/// <summary>What Table Storage says went wrong.</summary>
/// <param name="Index">Which operation of a transaction failed; null outside of one.</param>
internal sealed record TableError(int Status, string Code, string Message, int? Index)
{
    public bool IsTableMissing => Code == "TableNotFound";

    /// <summary>Table Storage's own word that there is no such row or table. A 404 without it is somebody else's: a proxy's, a wrong address's.</summary>
    public bool IsAbsent => Code is "ResourceNotFound" or "EntityNotFound" or "TableNotFound";

    /// <summary>It has been dropped and takes up to a minute to go; until then the name cannot be used.</summary>
    public bool IsTableGoing => Code == "TableBeingDeleted";

    public static TableError Of(Response response)
    {
        var error = Read(response.Status, response.Content.ToMemory());
        return error.Code.Length == 0 && response.Headers.TryGetValue("x-ms-error-code", out var code) ? error with { Code = code } : error;
    }

    /// <summary>Reads <c>{"odata.error":{"code":…,"message":{"value":…}}}</c>. In a transaction the message begins with the operation's number.</summary>
    public static TableError Read(int status, ReadOnlyMemory<byte> body)
    {
        string code = "", message = "";
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.TryGetProperty("odata.error", out var error))
            {
                if (error.TryGetProperty("code", out var given)) code = given.GetString() ?? "";
                if (error.TryGetProperty("message", out var text) && text.TryGetProperty("value", out var value)) message = value.GetString() ?? "";
            }
        }
        catch (JsonException)
        {
            // A proxy's page, or nothing: the status must do.
        }

        var colon = message.IndexOf(':', StringComparison.Ordinal);
        int? index = colon > 0 && int.TryParse(message.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
        return new(status, code, message.Split('\n')[0], index);
    }
}
