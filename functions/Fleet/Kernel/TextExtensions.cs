namespace Fleet.Kernel;

internal static class TextExtensions
{
    /// <summary>Null for an empty text: bodies and rows leave it out.</summary>
    public static string? OrNull(this string text) => text.Length > 0 ? text : null;
}
