namespace Fleet.Manager;

internal static class TextExtensions
{
    /// <summary>Null for an empty text: bodies leave it out.</summary>
    public static string? OrNull(this string text) => text.Length > 0 ? text : null;
}
