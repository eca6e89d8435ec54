using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>An API token; the table holds a hash of its text.</summary>
internal sealed record Token(string Name, Role Role, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <summary>API tokens. Table: <see cref="Schema.Tokens"/>.</summary>
internal sealed class TokenStore(ITables tables, TimeProvider clock)
{
    public const string Prefix = "fleet_";

    private readonly ITable _tokens = tables[Schema.Tokens];

    /// <summary>Makes a token; only the returned text ever shows it. 256 random bits.</summary>
    public async ValueTask<string> CreateAsync(string name, Role role, DateTimeOffset? expiresAt, CancellationToken ct)
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var columns = new Columns { ["Name"] = name, ["Role"] = Roles.NameOf(role), ["CreatedAt"] = clock.GetUtcNow() }.With("ExpiresAt", expiresAt);
        await _tokens.WriteAsync(Write.Insert(KeyOf(text), columns), ct);
        return text;
    }

    /// <summary>The token of this text, unless it has expired. One point read.</summary>
    public async ValueTask<Token?> FindAsync(string text, CancellationToken ct)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || await _tokens.FindAsync(KeyOf(text), ct) is not { } row) return null;
        var token = new Token(
            row.Columns.Text("Name")!, Roles.TryParse(row.Columns.Text("Role"), out var role) ? role : Role.Viewer, row.Columns.Time("CreatedAt")!.Value,
            row.Columns.Time("ExpiresAt"));
        return token.ExpiresAt <= clock.GetUtcNow() ? null : token;
    }

    private static Key KeyOf(string text) => new(Schema.All, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
}
