using System.Security.Claims;

namespace Fleet.Manager;

/// <summary>What a person or a script may do: a viewer reads; an operator changes queries, packs, tags, nodes, rules and campaigns; an admin all.</summary>
internal enum Role
{
    Viewer,
    Operator,
    Admin,
}

internal static class Roles
{
    public static IReadOnlyList<string> Names { get; } = ["viewer", "operator", "admin"];

    public static string NameOf(Role role) => Names[(int)role];

    public static bool IsAdmin(this ClaimsPrincipal person) => person.IsInRole(NameOf(Role.Admin));

    /// <summary>The role of a name that is one of <see cref="Names"/>.</summary>
    public static Role Parse(string name) => TryParse(name, out var role) ? role : throw new FormatException($"'{name}' is no role.");

    public static bool TryParse(string? name, out Role role)
    {
        role = (Role)(name is null ? -1 : Names.ToList().IndexOf(name));
        return (int)role >= 0;
    }
}
