using System.Net;
using Fleet.Manager;

namespace Fleet.Hosting;

/// <summary>Reads how people sign in, and refuses what would leave the server open by mistake.</summary>
internal static class AuthReader
{
    private static readonly string[] s_methods = ["none", "local", "ldap", "oauth"];

    public static AuthSettings Auth(this SettingsReader read, Uri url, bool isHosted)
    {
        var methods = read.List("Auth:Method", ["local"]);
        foreach (var method in methods.Except(s_methods)) read.Fault("Auth:Method", $"'{method}' is not one of {string.Join(", ", s_methods)}");
        if (methods.Count == 0) read.Fault("Auth:Method", $"it names none of {string.Join(", ", s_methods)}");
        var allowOpen = read.Flag("Auth:AllowOpenManager", false);

        // https on a name listens on all addresses; and a Functions host hands on what comes from outside.
        var isLocal = !isHosted && url.IsLoopback && (url.Scheme == "http" || IPAddress.TryParse(url.Host.Trim('[', ']'), out _));
        if (methods.Contains("none") && methods.Count > 1) read.Fault("Auth:Method", "'none' stands alone: it lets everybody in");
        if (methods.Contains("none") && !allowOpen && !isLocal)
        {
            read.Fault("Auth:Method", "'none' makes everybody an admin, so it is refused where others can reach the server: listen on http://localhost or https://127.0.0.1, or set Fleet__Auth__AllowOpenManager=true");
        }

        var ldap = Ldap(read);
        var providers = Providers(read);
        if (methods.Contains("ldap"))
        {
            if (ldap is null) read.Fault("Auth:Ldap:Url", "it is needed for sign-in by LDAP");
            else foreach (var fault in ldap.Directory.Faults()) read.Fault("Auth:Ldap:Url", fault);
            if (ldap is { DefaultRole: null } && ldap.Groups.All(role => role.Value.Count == 0)) read.Fault("Auth:Ldap:Admins", "with no groups and no DefaultRole nobody gets in");
        }

        if (methods.Contains("oauth"))
        {
            if (providers.Count == 0) read.Fault("Auth:Oidc:ClientId", "sign-in by OAuth needs a provider: Google, Entra or Oidc");
            foreach (var (name, provider) in providers)
            {
                foreach (var (key, fault) in provider.Faults()) read.Fault($"Auth:{name}:{(key == "Roles" ? "Admins" : key)}", fault);
            }
        }

        return new(
            methods.Contains("local"), methods.Contains("none"), allowOpen,
            read.Span("Auth:SessionIdle", TimeSpan.FromHours(12)), read.Span("Auth:SessionLife", TimeSpan.FromDays(7)),
            methods.Contains("ldap") ? ldap : null,
            new(methods.Contains("oauth") ? [.. providers.Select(provider => provider.Provider)] : [], read.OptionalUrl("Auth:PublicUrl", "https://fleet.example.org")));
    }

    private static LdapSignIn? Ldap(SettingsReader read)
    {
        var url = read.Text("Auth:Ldap:Url", null);
        var directory = new LdapSettings(Uri.TryCreate(url, UriKind.Absolute, out var parsed) ? parsed : new("ldaps://unknown"), read.Text("Auth:Ldap:BaseDn", ""))
        {
            StartTls = read.Flag("Auth:Ldap:StartTls", false),
            Authorities = read.Text("Auth:Ldap:Authorities", null),
            BindDn = read.Text("Auth:Ldap:BindDn", null),
            BindPassword = read.Secret("Auth:Ldap:BindPassword"),
            GroupBaseDn = read.Text("Auth:Ldap:GroupBaseDn", null),
        };
        directory = directory with { UserFilter = read.Text("Auth:Ldap:UserFilter", directory.UserFilter), GroupFilter = read.Text("Auth:Ldap:GroupFilter", directory.GroupFilter) };
        var groups = Roles(read, "Auth:Ldap", separator: ';');
        if (url is not null && parsed is null) read.Fault("Auth:Ldap:Url", $"'{url}' is no address such as ldaps://directory.example.org");
        return url is null ? null : new(directory, groups, DefaultRole(read, "Auth:Ldap"));
    }

    private static List<(string Name, OAuthProvider Provider)> Providers(SettingsReader read)
    {
        var providers = new List<(string, OAuthProvider)>();
        Add("Google", (id, secret) => OAuthProvider.Google(id, secret));
        var tenant = read.Text("Auth:Entra:Tenant", "");
        Add("Entra", (id, secret) => OAuthProvider.Entra(tenant, id, secret));
        var issuer = read.Text("Auth:Oidc:Issuer", "");
        Add("Oidc", (id, secret) => OAuthProvider.Oidc(issuer, id, secret) with { TrustsEmail = read.Flag("Auth:Oidc:TrustsEmail", false) });
        return providers;

        void Add(string name, Func<string, string, OAuthProvider> make)
        {
            var key = "Auth:" + name;
            var id = read.Text($"{key}:ClientId", null);
            var provider = make(id ?? "", read.Secret($"{key}:ClientSecret") ?? "");
            provider = provider with
            {
                Scopes = read.List($"{key}:Scopes", provider.Scopes),
                AllowedUsers = read.List($"{key}:AllowedUsers", []),
                AllowedDomains = read.List($"{key}:AllowedDomains", []),
                RoleClaims = read.List($"{key}:RoleClaims", provider.RoleClaims),
                Roles = Roles(read, key),
                DefaultRole = DefaultRole(read, key),
            };
            if (id is not null) providers.Add((name, provider));
        }
    }

    /// <summary>Who has which role. DNs hold commas, so theirs are separated by semicolons.</summary>
    private static Dictionary<Role, IReadOnlyList<string>> Roles(SettingsReader read, string key, char separator = ',') => new()
    {
        [Role.Viewer] = read.List($"{key}:Viewers", [], separator),
        [Role.Operator] = read.List($"{key}:Operators", [], separator),
        [Role.Admin] = read.List($"{key}:Admins", [], separator),
    };

    private static Role? DefaultRole(SettingsReader read, string key)
    {
        if (read.Text($"{key}:DefaultRole", null) is not { } name) return null;
        if (Fleet.Manager.Roles.TryParse(name, out var role)) return role;
        read.Fault($"{key}:DefaultRole", $"'{name}' is not one of {string.Join(", ", Fleet.Manager.Roles.Names)}");
        return null;
    }
}
