using System.Text.RegularExpressions;

namespace Fleet.Manager;

/// <summary>Somebody who signed in.</summary>
/// <param name="Name">As the directory spells it, whatever was typed: <c>uid</c> or <c>sAMAccountName</c>.</param>
/// <param name="Groups">DNs, each once.</param>
internal sealed partial record LdapPerson(string Dn, string Name, string DisplayName, string? Mail, IReadOnlyList<string> Groups)
{
    /// <summary>Whether a group is among theirs; the case of letters and blanks around commas do not count.</summary>
    public bool IsIn(string groupDn) => Groups.Any(group => Folded(group) == Folded(groupDn));

    internal static string Folded(string dn) => Separator().Replace(dn.Trim(), "$1").ToUpperInvariant();

    [GeneratedRegex(@"\s*([,=+])\s*")]
    private static partial Regex Separator();
}
