using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>Whether a machine's user may read what it was asked: <c>Fleet__Transparency__NAME</c>.</summary>
internal sealed record TransparencySettings(bool Enabled, TimeSpan LinkLife);

/// <summary>Links for machines' users: signed, good for one machine and for a time. Nothing is stored.</summary>
internal sealed class DeviceLinks(NodeKeys keys, TransparencySettings settings, TimeProvider clock)
{
    private const string Purpose = "device-link";

    public bool AreOn => settings.Enabled;

    /// <summary>A link good for as long as is set; null where they are switched off. The same all day, so that lists stay the same.</summary>
    public string? For(NodeId node) => settings.Enabled ? "/device/" + Token(node, new DateTimeOffset(clock.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero) + settings.LinkLife + TimeSpan.FromDays(1)) : null;

    public string Token(NodeId node, DateTimeOffset expiresAt)
    {
        var claim = string.Create(CultureInfo.InvariantCulture, $"{node}.{expiresAt.ToUnixTimeSeconds()}");
        return $"{claim}.{keys.SignText($"{Purpose}.{claim}")[0]}";
    }

    /// <summary>The machine, if the link is ours and not too old.</summary>
    public NodeId? Read(string token)
    {
        if (!settings.Enabled || token.Split('.') is not [var node, var expires, var signature] || !NodeId.TryParse(node, out var id)) return null;
        if (!long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || at <= clock.GetUtcNow().ToUnixTimeSeconds()) return null;
        var given = Encoding.UTF8.GetBytes(signature);
        return keys.SignText($"{Purpose}.{node}.{expires}").Any(right => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(right), given)) ? id : null;
    }
}
