using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>How lists answer.</summary>
/// <param name="Next">Given as <c>after</c>, it brings the next page; null at the end.</param>
internal sealed record ListOf<T>(IReadOnlyList<T> Items, string? Next);

internal static class Paging
{
    /// <summary>How many entries a page holds: what was asked for, within the limits.</summary>
    public static int Take(int? asked, Limits limits) => Math.Clamp(asked ?? limits.PageDefault, 1, limits.PageMost);

    public static ListOf<TOut> Select<TIn, TOut>(this Page<TIn> page, Func<TIn, TOut> map) => new([.. page.Items.Select(map)], page.After);

    /// <summary>A page of what is in memory, sorted by name; the token is the last name.</summary>
    public static ListOf<TOut> PageOf<T, TOut>(IEnumerable<T> items, Func<T, string> name, int? asked, string? after, Limits limits, Func<T, TOut> map)
    {
        var take = Take(asked, limits);
        var page = items.Where(item => after is null || string.CompareOrdinal(name(item), after) > 0).OrderBy(name, StringComparer.Ordinal).Take(take + 1).ToList();
        return new([.. page.Take(take).Select(map)], page.Count > take ? name(page[take - 1]) : null);
    }

    /// <summary>A page of what is in memory, in the order given; the token is the last one's id.</summary>
    public static (List<T> Page, string? Next) Slice<T>(IReadOnlyList<T> all, Func<T, string> id, int? asked, string? after, Limits limits)
    {
        var first = after is null ? 0 : all.TakeWhile(item => id(item) != after).Count() + 1;
        var page = all.Skip(first).Take(Take(asked, limits)).ToList();
        return (page, first + page.Count < all.Count ? id(page[^1]) : null);
    }

    /// <summary>A name as it stands in a path: the server leaves <c>%2F</c> alone.</summary>
    public static string Name(string route) => route.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
