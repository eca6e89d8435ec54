namespace Fleet.Manager;

/// <summary>Where the directory is, and how people and their groups are found in it.</summary>
/// <param name="Url"><c>ldaps://host</c>, or <c>ldap://host</c> with <see cref="StartTls"/>; the ports are 636 and 389 if none is given.</param>
/// <param name="BaseDn">Below it all people are found.</param>
internal sealed record LdapSettings(Uri Url, string BaseDn)
{
    /// <summary>Whether an <c>ldap://</c> connection turns to TLS before anything else is said.</summary>
    public bool StartTls { get; init; }

    /// <summary>The authorities to trust instead of the system's: PEM text, or the path of a PEM file, read at each sign-in.</summary>
    public string? Authorities { get; init; }

    /// <summary>The account that searches; null searches anonymously.</summary>
    public string? BindDn { get; init; }

    public string? BindPassword { get; init; }

    /// <summary>{0} is the name that was typed.</summary>
    public string UserFilter { get; init; } = "(|(uid={0})(sAMAccountName={0})(mail={0}))";

    /// <summary>Below it groups are searched; null takes only those that the person's <c>memberOf</c> names.</summary>
    public string? GroupBaseDn { get; init; }

    /// <summary>{0} is the person's DN, {1} the person's <c>uid</c> or <c>sAMAccountName</c>.</summary>
    public string GroupFilter { get; init; } = "(|(member={0})(uniqueMember={0})(memberUid={1}))";

    /// <summary>How long a whole sign-in may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What is wrong with the settings; empty if nothing is.</summary>
    public IEnumerable<string> Faults()
    {
        if (Url.Scheme is not ("ldap" or "ldaps") || Url.Host.Length == 0) yield return $"'{Url}' is no ldap:// or ldaps:// address.";
        if (Url.Scheme == "ldaps" && StartTls) yield return "ldaps:// is TLS from the start: leave StartTls out.";
        if (Url.Scheme == "ldap" && !StartTls && !Url.IsLoopback) yield return $"'{Url}' would carry passwords in the clear: use ldaps://, or StartTls.";
        if (!UserFilter.Contains("{0}", StringComparison.Ordinal)) yield return "The user filter does not contain {0}.";
        if (BindDn is not null && string.IsNullOrEmpty(BindPassword)) yield return "The account that searches has no password.";
    }

    /// <summary>Without the password.</summary>
    public override string ToString() => Url.ToString();
}
