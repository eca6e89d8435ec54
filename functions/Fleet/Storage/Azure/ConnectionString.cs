namespace Fleet.Storage.Azure;

/// <summary>Texts such as <c>AccountName=a;AccountKey=b=</c>.</summary>
internal static class ConnectionString
{
    /// <exception cref="FormatException">A part without <c>=</c>.</exception>
    public static IReadOnlyDictionary<string, string> Parse(string text)
    {
        var parts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // Keys end in '=' themselves. The message shows no part: it may be a secret.
            if (part.Split('=', 2) is not [var name, var value]) throw new FormatException("a connection string is made of NAME=VALUE, with ';' between");
            parts[name] = value;
        }

        return parts;
    }

    /// <exception cref="FormatException">It is not base64.</exception>
    public static byte[] Base64(string value, string name)
    {
        var bytes = new byte[value.Length];
        return Convert.TryFromBase64String(value, bytes, out var written) ? bytes[..written] : throw new FormatException($"{name} is not base64");
    }
}
