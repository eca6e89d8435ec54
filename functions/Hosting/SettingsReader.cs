using System.Globalization;
using System.Reflection;
using Fleet.Kernel;

namespace Fleet.Hosting;

/// <summary>Reads settings one by one, collects what is wrong, and knows which keys there are.</summary>
internal sealed class SettingsReader(IConfigurationSection section)
{
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _lists = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _faults = [];

    public string Text(string key, string? otherwise)
    {
        _known.Add(key);
        return string.IsNullOrEmpty(section[key]) && otherwise is null ? null! : section[key] ?? otherwise!;
    }

    public bool Flag(string key, bool otherwise) => Parse(key, otherwise, bool.TryParse, "true or false");

    public TimeSpan Span(string key, TimeSpan otherwise) => Parse(key, otherwise, Duration.TryParse, "a span of time such as 90s, 30m, 12h or 30d");

    public int Number(string key, int otherwise, int least, int most) => Parse(
        key, otherwise,
        (string? text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most,
        string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"));

    public T Choice<T>(string key, T otherwise) where T : struct, Enum => Parse(
        key, otherwise, (string? text, out T value) => Enum.TryParse(text, ignoreCase: true, out value) && Enum.IsDefined(value), $"one of {string.Join(", ", Enum.GetNames<T>()).ToLowerInvariant()}");

    public Uri Url(string key, string otherwise) => Parse(
        key, new Uri(otherwise),
        (string? text, out Uri value) => Uri.TryCreate(text, UriKind.Absolute, out value!) && value.Scheme is "http" or "https" && value.AbsolutePath == "/",
        "an address such as https://fleet.example.org:8443");

    /// <summary>The address of a service; null when it is not set.</summary>
    public Uri? OptionalUrl(string key, string example)
    {
        _known.Add(key);
        if (string.IsNullOrEmpty(section[key])) return null;
        return Parse(key, null, (string? text, out Uri? value) => Uri.TryCreate(text, UriKind.Absolute, out value) && value.Scheme is "http" or "https", $"an address such as {example}");
    }

    /// <summary>A list: <c>KEY__0</c>, <c>KEY__1</c>, …, or one text with commas.</summary>
    public IReadOnlyList<string> List(string key, IReadOnlyList<string> otherwise)
    {
        _known.Add(key);
        _lists.Add(key);
        var items = section.GetSection(key).GetChildren().Select(child => child.Value ?? "").ToList();
        return items.Count > 0 ? items : section[key] is { } text ? text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : otherwise;
    }

    /// <summary>Every limit, by its property's name.</summary>
    public Limits Limits()
    {
        var limits = Kernel.Limits.Default with { };
        foreach (var property in typeof(Limits).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite))
        {
            var key = "Limits:" + property.Name;
            var value = property.GetValue(limits)!;
            value = value switch
            {
                TimeSpan span => Span(key, span),
                int number => Number(key, number, 1, int.MaxValue),
                long number => Parse(key, number, (string? text, out long parsed) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out parsed) && parsed > 0, "a whole number above 0"),
                _ => throw new InvalidOperationException($"A limit is a number or a span of time, and {property.Name} is neither."),
            };
            property.SetValue(limits, value);
        }

        return limits;
    }

    public void Fault(string key, string message) => _faults.Add($"{Spell(key)}: {message}");

    public void Check(string key, Action check)
    {
        try
        {
            check();
        }
        catch (FormatException fault)
        {
            Fault(key, fault.Message);
        }
    }

    /// <exception cref="SettingsException">Something is wrong.</exception>
    public void ThrowIfFaulty()
    {
        foreach (var (path, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (value is null || _known.Contains(path) || _lists.Any(list => path.StartsWith(list + ":", StringComparison.OrdinalIgnoreCase))) continue;
            var hint = Nearest.To(path, _known) is { } near ? $"; did you mean {Spell(near)}?" : "";
            Fault(path, $"there is no such setting{hint}");
        }

        if (_faults.Count > 0) throw new SettingsException(string.Join(Environment.NewLine, _faults.Prepend("The settings are wrong:")));
    }

    private delegate bool TryParse<T>(string? text, out T value);

    private T Parse<T>(string key, T otherwise, TryParse<T> parse, string expected)
    {
        _known.Add(key);
        if (section[key] is not { } text) return otherwise;
        if (parse(text, out var value)) return value;
        Fault(key, $"'{text}' is not {expected}");
        return otherwise;
    }

    private static string Spell(string key) => "Fleet__" + key.Replace(":", "__", StringComparison.Ordinal);
}
