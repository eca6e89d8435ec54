using Fleet.Config;

namespace Fleet.Manager;

/// <summary>The parameter <c>allow</c> of calls that save queries, and what they tell of what was saved.</summary>
internal static class Allowing
{
    /// <summary>So many sets of tags are told of.</summary>
    private const int MostSizes = 5;

    /// <summary>Reads <c>allow=disabled</c> or <c>allow=forced</c>.</summary>
    public static bool TryRead(string? text, out AllowInvalid allow)
    {
        allow = text switch { "disabled" => AllowInvalid.Disabled, "forced" => AllowInvalid.Forced, _ => AllowInvalid.No };
        return allow != AllowInvalid.No || string.IsNullOrEmpty(text);
    }

    public static IResult Wrong() => Problem.Invalid("allow", "This is 'disabled' (queries that are not valid are kept and not sent to agents) or 'forced' (they are sent all the same).");

    /// <summary>What there is to say of what was read, and what of it is left out.</summary>
    public static async ValueTask<IReadOnlyList<FieldError>> NotesAsync(HttpContext http, ConfigFindings found, IReadOnlyList<SizedItem> changes) =>
    [
        .. LeftOut(found).Select(one => one with { Message = "Left out: " + one.Message }),
        .. await http.RequestServices.GetRequiredService<SqlNotes>().OfAsync(found, http.RequestAborted),
        .. await SizesAsync(http, changes),
    ];

    /// <summary>Configurations that items make too large for agents, or nearly so.</summary>
    public static async ValueTask<IEnumerable<FieldError>> SizesAsync(HttpContext http, IReadOnlyList<SizedItem> changes) =>
        (await http.RequestServices.GetRequiredService<ConfigSizes>().FindAsync(changes, http.RequestAborted)).Take(MostSizes).Select(config => new FieldError("", config.ToString()));

    public static IEnumerable<FieldError> LeftOut(ConfigFindings found) => found.LeftOut.Select(one => new FieldError(one.Path, one.Message));
}
