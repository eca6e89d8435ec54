using System.Globalization;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>How lists answer.</summary>
/// <param name="Next">Given as <c>after</c>, it brings the next page; null at the end.</param>
/// <param name="Page">Counted from 1, where pages were asked for by number.</param>
/// <param name="PageSize">How many entries a full page has.</param>
/// <param name="TotalItems">Of all pages, where that is known without reading them.</param>
internal sealed record ListOf<T>(IReadOnlyList<T> Items, string? Next, int? Page = null, int? PageSize = null, int? TotalItems = null, int? TotalPages = null);

internal static class Paging
{
    /// <summary>How many entries a page holds: what was asked for, within the limits.</summary>
    public static int Take(int? asked, Limits limits) => Math.Clamp(asked ?? limits.PageDefault, 1, limits.PageMost);

    public static ListOf<TOut> Select<TIn, TOut>(this Page<TIn> page, Func<TIn, TOut> map) => new([.. page.Items.Select(map)], page.After);

    /// <summary>A page of what is in memory, sorted by name; the token is the last name.</summary>
    public static ListOf<TOut> PageOf<T, TOut>(IEnumerable<T> items, Func<T, string> name, int? asked, string? after, int? number, Limits limits, Func<T, TOut> map) =>
        Sorted([.. items.OrderBy(name, StringComparer.Ordinal)], item => name(item), item => after is null || string.CompareOrdinal(name(item), after) > 0, asked, number, limits, map);

    /// <summary>A page of what is in memory, in the order given.</summary>
    /// <param name="all">Everything.</param>
    /// <param name="token">What stands for an entry in <c>after</c>.</param>
    /// <param name="isAfter">Whether an entry comes after the one that <c>after</c> names.</param>
    /// <param name="asked">How many.</param>
    /// <param name="number">The page's number from 1 on, instead of <c>after</c>.</param>
    /// <param name="limits">What a page may hold.</param>
    /// <param name="map">Shows an entry.</param>
    public static ListOf<TOut> Sorted<T, TOut>(
        IReadOnlyList<T> all, Func<T, string> token, Func<T, bool> isAfter, int? asked, int? number, Limits limits, Func<T, TOut> map)
    {
        var take = Take(asked, limits);
        if (number < 1) throw new BadHttpRequestException("'page' is a number from 1 on.");
        var first = number is { } n ? (int)Math.Min(all.Count, (n - 1L) * take) : FirstAfter();
        var page = all.Skip(first).Take(take).ToList();
        var next = first + page.Count < all.Count && page.Count > 0 ? token(page[^1]) : null;
        return new([.. page.Select(map)], next, number ?? (first % take == 0 ? (first / take) + 1 : null), take, all.Count, (all.Count + take - 1) / take);

        // Sorted, so what is after begins somewhere and goes on to the end.
        int FirstAfter()
        {
            var (low, high) = (0, all.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (isAfter(all[middle])) high = middle;
                else low = middle + 1;
            }

            return low;
        }
    }

    /// <summary>A page of what is in memory, in the order given; the token is the last one's id.</summary>
    public static (List<T> Page, string? Next) Slice<T>(IReadOnlyList<T> all, Func<T, string> id, int? asked, string? after, Limits limits)
    {
        var first = after is null ? 0 : all.TakeWhile(item => id(item) != after).Count() + 1;
        var page = all.Skip(first).Take(Take(asked, limits)).ToList();
        return (page, first + page.Count < all.Count ? id(page[^1]) : null);
    }

    /// <summary>A page of what has neither name nor id; the token is a place.</summary>
    public static ListOf<T> Numbered<T>(IReadOnlyList<T> all, int? asked, string? after, Limits limits)
    {
        var first = 0;
        if (after is not null && !int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out first)) throw new BadPlaceException();
        var page = all.Skip(first).Take(Take(asked, limits)).ToList();
        var end = first + page.Count;
        return new(page, end < all.Count ? end.ToString(CultureInfo.InvariantCulture) : null, TotalItems: all.Count);
    }

    /// <summary>A name as it stands in a path: the server leaves <c>%2F</c> alone.</summary>
    public static string Name(string route) => route.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
