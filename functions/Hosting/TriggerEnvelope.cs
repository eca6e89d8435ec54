using System.Text;
using System.Text.Json;
using Fleet.Bus.Azure;

namespace Fleet.Hosting;

/// <summary>The host's <c>{"Data":{NAME:…},"Metadata":{…}}</c>. What is inside may be wrapped once or twice as text, alone or many, text or base64.</summary>
internal sealed class TriggerEnvelope
{
    private const int MostLayers = 4;

    /// <summary>The messages in a call.</summary>
    /// <exception cref="JsonException">It is no such call.</exception>
    public static async ValueTask<IReadOnlyList<BusMessage>> ReadAsync(Stream body, CancellationToken ct)
    {
        using var call = await JsonDocument.ParseAsync(body, cancellationToken: ct);
        if (call.RootElement.ValueKind != JsonValueKind.Object || !call.RootElement.TryGetProperty("Data", out var data) || data.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException("A trigger's call is an object with Data.");
        }

        var bodies = data.EnumerateObject().SelectMany(binding => BodiesOf(binding.Value, MostLayers)).ToList();
        var properties = call.RootElement.TryGetProperty("Metadata", out var metadata) ? PropertiesOf(metadata) : [];
        return [.. bodies.Select((text, i) => i < properties.Count ? new BusMessage(text, BusMessage.DeliveryOf(TextOf(properties[i], BusMessage.DeliveryName)), TextOf(properties[i], BusMessage.ChainName)) : new(text))];
    }

    /// <summary>Takes layers off until there is plain text.</summary>
    private static IEnumerable<string> BodiesOf(JsonElement value, int layers) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().SelectMany(item => BodiesOf(item, layers - 1)),
        JsonValueKind.String => BodiesOf(value.GetString()!, layers),
        JsonValueKind.Null => [],
        _ => [value.GetRawText()],
    };

    private static IEnumerable<string> BodiesOf(string text, int layers)
    {
        if (layers > 0 && text is ['"' or '[', ..])
        {
            try
            {
                using var inner = JsonDocument.Parse(text);
                return [.. BodiesOf(inner.RootElement.Clone(), layers - 1)];
            }
            catch (JsonException)
            {
                // It only looked like JSON.
            }
        }

        return [Unpacked(text)];
    }

    /// <summary>Our keys hold a <c>-</c>, which the host's base64 never does.</summary>
    private static string Unpacked(string text)
    {
        if (text.Contains('-', StringComparison.Ordinal)) return text;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var written) && Encoding.UTF8.GetString(bytes, 0, written) is var inner && inner.Contains('-', StringComparison.Ordinal) ? inner : text;
    }

    /// <summary>One message has <c>ApplicationProperties</c>, many have <c>ApplicationPropertiesArray</c>, as JSON or as text that holds JSON.</summary>
    private static List<JsonElement> PropertiesOf(JsonElement metadata)
    {
        if (metadata.ValueKind != JsonValueKind.Object) return [];
        foreach (var name in new[] { "ApplicationPropertiesArray", "UserPropertiesArray", "ApplicationProperties", "UserProperties" })
        {
            if (!metadata.TryGetProperty(name, out var value)) continue;
            if (value.ValueKind == JsonValueKind.String) value = ParseOrNull(value.GetString()!);
            if (value.ValueKind == JsonValueKind.Array) return [.. value.EnumerateArray().Select(item => item.Clone())];
            if (value.ValueKind == JsonValueKind.Object) return [value.Clone()];
        }

        return [];
    }

    private static string TextOf(JsonElement properties, string name) => properties.ValueKind != JsonValueKind.Object || !properties.TryGetProperty(name, out var value) ? ""
        : (value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()).Trim('"');

    private static JsonElement ParseOrNull(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.Clone();
        }
        catch (JsonException)
        {
            return default;
        }
    }
}
