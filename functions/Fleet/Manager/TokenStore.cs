using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>An API token; the table holds a hash of its text.</summary>
/// <param name="Id">What it is called where its text is not shown.</param>
/// <param name="Routes">What it is good for, such as <c>GET /api/nodes*</c>; none for all that its role may do.</param>
/// <param name="Maker">The account that made it, as sessions know it; empty for the command line.</param>
/// <param name="Parent">The token that it was made with; empty for none.</param>
internal sealed record Token(
    string Id, string Name, Role Role, IReadOnlyList<string> Routes, string Maker, string Parent, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? UsedAt);

/// <summary>API tokens. Table: <see cref="Schema.Tokens"/>.</summary>
internal sealed class TokenStore(ITables tables, TimeProvider clock)
{
    public const string Prefix = "fleet_";

    /// <summary>How exactly the last use is known. A request costs a point read, and once in so long a write.</summary>
    private static readonly TimeSpan s_touch = TimeSpan.FromMinutes(10);

    private readonly ITable _tokens = tables[Schema.Tokens];

    /// <summary>Makes a token; only the returned text ever shows it. 256 random bits.</summary>
    public async ValueTask<string> CreateAsync(string name, Role role, DateTimeOffset? expiresAt, CancellationToken ct, IReadOnlyList<string>? routes = null, string maker = "", string parent = "")
    {
        var text = Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var columns = new Columns { ["Name"] = name, ["Role"] = Roles.NameOf(role), ["Routes"] = string.Join('\n', routes ?? []), ["Maker"] = maker, ["Parent"] = parent, ["CreatedAt"] = clock.GetUtcNow() }
            .With("ExpiresAt", expiresAt);
        await _tokens.WriteAsync(Write.Insert(KeyOf(text), columns), ct);
        return text;
    }

    /// <summary>The token of this text, unless it has expired. One point read.</summary>
    public async ValueTask<Token?> UseAsync(string text, CancellationToken ct)
    {
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || await _tokens.FindAsync(KeyOf(text), ct) is not { } row) return null;
        var token = Read(row);
        var now = clock.GetUtcNow();
        if (token.ExpiresAt <= now) return null;
        if (token.UsedAt is { } used && now - used < s_touch) return token;
        try
        {
            await _tokens.WriteAsync(Write.Merge(row.Key, new Columns { ["UsedAt"] = now }).If(row.Etag), ct);
        }
        catch (ConflictException)
        {
            // Another request noted it, or it was revoked just now.
        }

        return token;
    }

    public async ValueTask<IReadOnlyList<Token>> ListAsync(CancellationToken ct)
    {
        var tokens = new List<Token>();
        await foreach (var row in _tokens.ScanAsync(KeyRange.Partition(Schema.All), ct)) tokens.Add(Read(row));
        return [.. tokens.OrderByDescending(token => token.CreatedAt)];
    }

    /// <summary>The token of this id; null if there is none.</summary>
    public async ValueTask<Token?> FindAsync(string id, CancellationToken ct) => IsId(id) ? (await RowsAsync(id, ct)).Select(Read).FirstOrDefault() : null;

    /// <summary>Ends a token, and those that were made with it: they are good for nothing from the next request on.</summary>
    public async ValueTask RemoveAsync(string id, CancellationToken ct)
    {
        // Itself first: from then on it makes no more.
        foreach (var row in await RowsAsync(id, ct)) await _tokens.WriteAsync(Write.Delete(row.Key), ct);
        foreach (var token in (await ListAsync(ct)).Where(token => token.Parent == id || token.Maker == MakerOf(id))) await RemoveAsync(token.Id, ct);
    }

    /// <summary>How a token of the command line is named as the maker of others; one that an account made stands for the account.</summary>
    public static string MakerOf(string id) => "token:" + id;

    /// <summary>Ends all tokens that an account made.</summary>
    public async ValueTask RemoveOfAsync(string maker, CancellationToken ct)
    {
        foreach (var token in (await ListAsync(ct)).Where(token => token.Maker == maker)) await RemoveAsync(token.Id, ct);
    }

    private async ValueTask<IReadOnlyList<Row>> RowsAsync(string id, CancellationToken ct) =>
        (await _tokens.PageAsync(KeyRange.Rows(Schema.All, id, id + KeyRange.Last), 1, after: null, ct)).Items;

    private static bool IsId(string id) => id.Length == 16 && id.All(char.IsAsciiHexDigitLower);

    private static Token Read(Row row) => new(
        row.Key.Row[..16], row.Columns.Text("Name")!, Roles.Parse(row.Columns.Text("Role")!), row.Columns.Text("Routes") is { Length: > 0 } routes ? routes.Split('\n') : [],
        row.Columns.Text("Maker") ?? "", row.Columns.Text("Parent") ?? "", row.Columns.Time("CreatedAt")!.Value, row.Columns.Time("ExpiresAt"), row.Columns.Time("UsedAt"));

    private static Key KeyOf(string text) => new(Schema.All, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))));
}
