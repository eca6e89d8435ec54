using System.Net;

namespace Fleet.Rules;

/// <summary>A network in CIDR notation: <c>10.0.0.0/8</c>, <c>2001:db8::/32</c>, or one address. IPv4 addresses written as IPv6 (<c>::ffff:10.0.0.1</c>) are IPv4.</summary>
internal readonly record struct Network(UInt128 Address, UInt128 Mask)
{
    /// <exception cref="FormatException">It is no network.</exception>
    public static Network Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? text : text[..slash];
        if (!TryRead(System.Text.Encoding.UTF8.GetBytes(host), out var address)) throw Fault(text);
        var isShort = !host.Contains(':', StringComparison.Ordinal);
        var most = isShort ? 32 : 128;
        var bits = most;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out bits) || bits > most)) throw Fault(text);
        var mask = UInt128.MaxValue << (most - bits);
        if (bits == 0) mask = isShort ? UInt128.MaxValue << 32 : 0;
        return new(address & mask, mask);
    }

    /// <summary>An address as 128 bits; false if the text is none. No allocation for IPv4.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out UInt128 address)
    {
        address = default;
        if (TryReadShort(text, out var v4))
        {
            address = Wide(v4);
            return true;
        }

        if (text.Length > 64 || !text.Contains((byte)':')) return false;

        // With its zone, fe80::1%eth0, it is the same address.
        Span<char> characters = stackalloc char[64];
        var zone = text.IndexOf((byte)'%');
        var count = System.Text.Encoding.UTF8.GetChars(zone < 0 ? text : text[..zone], characters);
        if (!IPAddress.TryParse(characters[..count], out var parsed)) return false;
        address = Wide(parsed);
        return true;
    }

    public bool Contains(UInt128 address) => (address & Mask) == Address;

    private static bool TryReadShort(ReadOnlySpan<byte> text, out uint address)
    {
        address = 0;
        var (part, digits, parts) = (0, 0, 0);
        foreach (var c in text)
        {
            if (c == '.')
            {
                if (digits == 0 || ++parts == 4) return false;
                address = (address << 8) | (uint)part;
                (part, digits) = (0, 0);
            }
            else
            {
                if (c is < (byte)'0' or > (byte)'9' || ++digits > 3) return false;
                part = (part * 10) + (c - '0');
                if (part > 255) return false;
            }
        }

        address = (address << 8) | (uint)part;
        return parts == 3 && digits > 0;
    }

    private static UInt128 Wide(uint v4) => (UInt128)0xffff_0000_0000 | v4;

    private static UInt128 Wide(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static FormatException Fault(string text) => new($"'{text}' is no network: write 10.0.0.0/8, 2001:db8::/32 or an address.");
}
