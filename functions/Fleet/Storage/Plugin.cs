using System.Globalization;

namespace Fleet.Storage;

/// <summary>Something that people set up by what its type asks for. Its secret is in the secret store.</summary>
/// <param name="Type">Says which <paramref name="Fields"/> there are.</param>
/// <param name="Fields">What its type asks for, but the secret.</param>
/// <param name="HasSecret">Whether there is one.</param>
internal abstract record Plugin(string Name, string Type, IReadOnlyDictionary<string, string> Fields, bool HasSecret)
{
    /// <summary>The secret's name among a type's fields.</summary>
    public const string Secret = "secret";

    /// <summary>A field's value; null where it is left out.</summary>
    public string? Field(string name) => Fields.GetValueOrDefault(name);

    public int? Number(string name) => int.TryParse(Field(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

/// <summary>What a type asks for, described for whoever sets one up.</summary>
/// <param name="Name">As in the settings.</param>
/// <param name="Kind"><c>text</c>, <c>number</c>, <c>url</c>, or <c>secret</c>, which is never shown again.</param>
/// <param name="Example">What it may look like.</param>
internal sealed record PluginField(string Name, string Title, string Kind, bool Required, string Example, string Hint);
