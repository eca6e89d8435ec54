using System.Globalization;
using System.Reflection;
using Fleet.Kernel;
using Fleet.Manager;

namespace Fleet.Hosting;

/// <summary>Reads settings one by one, collects what is wrong, and knows which keys there are.</summary>
internal sealed class SettingsReader(IConfiguration configuration)
{
    private readonly IConfigurationSection _section = configuration.GetSection("Fleet");
    private readonly Dictionary<string, SettingBody> _entries = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _lists = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _faults = [];

    public string Text(string key, string? otherwise)
    {
        var text = string.IsNullOrEmpty(_section[key]) && otherwise is null ? null! : _section[key] ?? otherwise!;
        Note(key, text);
        return text;
    }

    /// <summary>A text that nobody is shown.</summary>
    public string? Secret(string key)
    {
        var text = string.IsNullOrEmpty(_section[key]) ? null : _section[key];
        Note(key, text is null ? null : "********");
        return text;
    }

    /// <summary>Every setting that was asked for, as it holds, and where it comes from.</summary>
    public IReadOnlyList<SettingBody> Entries => [.. _entries.Values.OrderBy(entry => entry.Key, StringComparer.Ordinal)];

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
        Note(key, _section[key]);
        if (string.IsNullOrEmpty(_section[key])) return null;
        return Parse(key, null, (string? text, out Uri? value) => Uri.TryCreate(text, UriKind.Absolute, out value) && value.Scheme is "http" or "https", $"an address such as {example}");
    }

    /// <summary>A list: <c>KEY__0</c>, <c>KEY__1</c>, …, or one text with commas.</summary>
    public IReadOnlyList<string> List(string key, IReadOnlyList<string> otherwise, char separator = ',')
    {
        _lists.Add(key);
        var items = _section.GetSection(key).GetChildren().Select(child => child.Value ?? "").ToList();
        var list = items.Count > 0 ? items : _section[key] is { } text ? text.Split(separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : otherwise;
        Note(key, string.Join(separator, list), items.Count > 0 ? key + ":0" : key);
        return list;
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
        foreach (var (path, value) in _section.AsEnumerable(makePathsRelative: true))
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
        Note(key, _section[key] ?? Spell(otherwise));
        if (_section[key] is not { } text) return otherwise;
        if (parse(text, out var value)) return value;
        Fault(key, $"'{text}' is not {expected}");
        return otherwise;
    }

    /// <param name="key">The setting.</param>
    /// <param name="value">As it holds; never a secret.</param>
    /// <param name="place">The key that it stands under, where that is another one.</param>
    private void Note(string key, string? value, string? place = null)
    {
        _known.Add(key);
        _entries[key] = new(Spell(key), value, SourceOf(place ?? key));
    }

    private string SourceOf(string key) => (configuration as IConfigurationRoot)?.Providers.LastOrDefault(provider => provider.TryGet("Fleet:" + key, out _)) switch
    {
        null => "default",
        Microsoft.Extensions.Configuration.EnvironmentVariables.EnvironmentVariablesConfigurationProvider => "environment",
        Microsoft.Extensions.Configuration.Json.JsonConfigurationProvider file => file.Source.Path ?? "file",
        _ => "command line",
    };

    private static string? Spell<T>(T value) => value switch
    {
        TimeSpan span when span.TotalSeconds % 86_400 == 0 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays}d"),
        TimeSpan span when span.TotalSeconds % 3_600 == 0 => string.Create(CultureInfo.InvariantCulture, $"{span.TotalHours}h"),
        TimeSpan span => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds}s"),
        bool flag => flag ? "true" : "false",
        Enum name => name.ToString().ToLowerInvariant(),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value?.ToString(),
    };

    private static string Spell(string key) => "Fleet__" + key.Replace(":", "__", StringComparison.Ordinal);
}
