using System.Collections.Concurrent;
using Fleet.Kernel;

namespace Fleet.Nodes;

/// <summary>A set of tags, sorted. Equal sets are the same object, so that what follows from one is looked up by reference.</summary>
internal sealed class TagSet
{
    private static readonly ConcurrentDictionary<string, TagSet> s_known = new(StringComparer.Ordinal);

    private TagSet(string text, string[] tags) => (Text, Tags) = (text, tags);

    public static TagSet None { get; } = Of([]);

    /// <summary>Trimmed, without blanks and repeats.</summary>
    public static TagSet Of(IEnumerable<string> tags)
    {
        var sorted = tags.Select(tag => tag.Trim()).Where(tag => tag.Length > 0).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        return s_known.GetOrAdd(string.Join('\n', sorted), text => new(text, sorted));
    }

    public static TagSet Read(string? text) => string.IsNullOrEmpty(text) ? None : Of(text.Split('\n'));

    /// <summary>One tag a line: how a row holds them.</summary>
    public string Text { get; }

    public IReadOnlyList<string> Tags { get; }

    public bool Has(string tag) => Array.BinarySearch((string[])Tags, tag, StringComparer.Ordinal) >= 0;

    /// <summary>Whether any tag is in both: what makes an item apply to a node.</summary>
    public bool Meets(TagSet other) => other.Tags.Any(Has);

    public TagSet With(IEnumerable<string> more) => Of(Tags.Concat(more));

    /// <summary>What is wrong with tags that someone wrote, or null.</summary>
    public static string? Fault(IReadOnlyCollection<string> tags, Limits limits)
    {
        if (tags.Count > limits.TagsPerItem) return $"{tags.Count} tags; at most {limits.TagsPerItem} fit.";
        return tags.Select(tag =>
            string.IsNullOrWhiteSpace(tag) ? "A tag must not be blank."
            : tag.Length > limits.NameCharacters ? $"The tag '{tag[..20]}…' has {tag.Length} characters; at most {limits.NameCharacters} fit."
            : tag.Any(char.IsControl) ? $"The tag '{tag}' holds a control character."
            : null).FirstOrDefault(fault => fault is not null);
    }

    public override string ToString() => string.Join(", ", Tags);
}
