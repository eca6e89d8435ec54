using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fleet.Kernel;

/// <summary>Any text as a table key: ASCII, and free of what Table Storage forbids (<c>/ \ # ?</c> and control characters).</summary>
/// <remarks>Letters, digits and <c>- _ .</c> stay, all else becomes <c>~</c> and the hex of its UTF-8 bytes. Keys of at most
/// 512 characters are legal; <see cref="Limits.NameCharacters"/> keeps names far below, non-ASCII ones at six-fold length excepted.</remarks>
internal static class KeyText
{
    private static readonly SearchValues<char> s_plain =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    public static string Of(string text)
    {
        if (text.Length == 0) return "~";
        if (!text.AsSpan().ContainsAnyExcept(s_plain)) return text;

        var key = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (b < 0x80 && s_plain.Contains((char)b)) key.Append((char)b);
            else key.Append('~').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }

        return key.ToString();
    }

    /// <summary>The text that <see cref="Of"/> was given.</summary>
    public static string Read(string key)
    {
        if (key == "~") return "";
        if (!key.Contains('~', StringComparison.Ordinal)) return key;

        var bytes = new byte[key.Length];
        var length = 0;
        for (var i = 0; i < key.Length; i++)
        {
            if (key[i] != '~') bytes[length++] = (byte)key[i];
            else
            {
                bytes[length++] = byte.Parse(key.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                i += 2;
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }
}
