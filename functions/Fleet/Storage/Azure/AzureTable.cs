using System.Globalization;
using Azure;
using Azure.Core;

namespace Fleet.Storage.Azure;

/// <summary>A table by Table Storage's REST API, version 2020-12-06. The table is made when a write finds that it is not there.</summary>
internal sealed class AzureTable(string name, AzureTables tables) : ITable
{
    public string Name => name;

    public static StorageUnavailableException IsGoing(string name) => new($"Table {name} is being deleted, which takes up to a minute; repeat then.");

    public async ValueTask<Row?> FindAsync(Key key, CancellationToken ct)
    {
        using var message = tables.NewMessage(RequestMethod.Get, PathOf(key));
        var response = await tables.SendAsync(message, ct);
        if (response.Status == 200) return EntityJson.ReadRow(response.Content.ToMemory().Span, EtagOf(response));
        return TableError.Of(response) is { IsAbsent: false } error ? throw Unexpected(error, key) : null;
    }

    public async ValueTask<string> WriteAsync(Write write, CancellationToken ct)
    {
        TableLimits.Check(write);
        for (var isMade = false; ; isMade = true)
        {
            using var message = NewMessage(write);
            var response = await tables.SendAsync(message, ct);
            if (response.Status < 300) return write.Kind == WriteKind.Delete ? "" : EtagOf(response);

            var error = TableError.Of(response);
            if (error.IsAbsent && IsPlainDelete(write)) return "";

            // The row that stands in an insert's way after a try without an answer may be its own.
            if (error.Code == "EntityAlreadyExists" && message.ProcessingContext.RetryNumber > 0 && await OwnAsync(write, ct) is { } etag) return etag;
            if (isMade || !error.IsTableMissing || !Makes(write)) throw FaultOf(error, write);
            await tables.MakeAsync(name, ct);
        }
    }

    public async ValueTask WriteAllAsync(IReadOnlyList<Write> writes, CancellationToken ct)
    {
        TableLimits.Check(writes);
        if (writes.Count == 1)
        {
            await WriteAsync(writes[0], ct);
            return;
        }

        for (var isMade = false; writes.Count > 0;)
        {
            if (await TransactAsync(writes, ct) is not { } error) return;
            var failed = writes[Math.Clamp(error.Index ?? 0, 0, writes.Count - 1)];
            if (error.IsTableMissing && writes.Any(Makes) && !isMade)
            {
                await tables.MakeAsync(name, ct);
                isMade = true;
            }
            else if (error.IsAbsent && writes.All(IsPlainDelete))
            {
                // What is gone already fails the whole transaction there; here it is no failure. More of them may be gone.
                await Parallel.ForEachAsync(writes, ct, async (write, stop) => await WriteAsync(write, stop));
                return;
            }
            else if (error is { IsAbsent: true, IsTableMissing: false } && IsPlainDelete(failed))
            {
                writes = [.. writes.Where(write => write != failed)];
            }
            else
            {
                throw FaultOf(error, error.IsTableMissing ? writes.First(write => !IsPlainDelete(write)) : failed);
            }
        }
    }

    /// <summary>A delete of whatever is there, nothing included.</summary>
    private static bool IsPlainDelete(Write write) => write is { Kind: WriteKind.Delete, Etag: null };

    public async ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(take, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(take, TableLimits.PageRows);
        using var message = tables.NewMessage(RequestMethod.Get, $"{name}()");
        var uri = message.Request.Uri;
        if (RangeFilter.Of(range) is { Length: > 0 } filter) uri.AppendQuery("$filter", filter);
        uri.AppendQuery("$top", take.ToString(CultureInfo.InvariantCulture));
        if (after?.Split('&') is [var partition, .. var row])
        {
            uri.AppendQuery("NextPartitionKey", Uri.UnescapeDataString(partition));
            if (row.Length > 0) uri.AppendQuery("NextRowKey", Uri.UnescapeDataString(row[0]));
        }

        var response = await tables.SendAsync(message, ct);
        if (response.Status == 200) return new(EntityJson.ReadRows(response.Content.ToMemory().Span), AfterOf(response));
        return TableError.Of(response) is { IsAbsent: false } error ? throw Unexpected(error, range.From) : new([], null);
    }

    /// <summary>Two headers, of which the second may be absent, as one token.</summary>
    private static string? AfterOf(Response response)
    {
        if (!response.Headers.TryGetValue("x-ms-continuation-NextPartitionKey", out var partition)) return null;
        var row = response.Headers.TryGetValue("x-ms-continuation-NextRowKey", out var next) ? "&" + Uri.EscapeDataString(next) : "";
        return Uri.EscapeDataString(partition) + row;
    }

    private static string EtagOf(Response response) => response.Headers.TryGetValue("ETag", out var etag) ? etag : "";

    /// <summary>Whether a write makes a row where there is none, and so the table.</summary>
    private static bool Makes(Write write) => write.Kind == WriteKind.Insert || (write.Kind != WriteKind.Delete && write.Etag is null);

    private HttpMessage NewMessage(Write write)
    {
        var message = tables.NewMessage(RequestMethod.Parse(Transaction.MethodOf(write)), write.Kind == WriteKind.Insert ? name : PathOf(write.Key));
        if (Transaction.IfMatchOf(write) is { } etag) message.Request.Headers.SetValue("If-Match", etag);
        if (write.Kind == WriteKind.Insert) message.Request.Headers.SetValue("Prefer", "return-no-content");
        if (write.Kind != WriteKind.Delete) message.Request.SetBody(EntityJson.Write(write), "application/json");
        return message;
    }

    private async ValueTask<TableError?> TransactAsync(IReadOnlyList<Write> writes, CancellationToken ct)
    {
        var boundary = Guid.NewGuid().ToString("N");
        using var message = tables.NewMessage(RequestMethod.Post, "$batch");
        var body = Transaction.Write(boundary, writes, write => tables.UriOf(write.Kind == WriteKind.Insert ? name : PathOf(write.Key)));
        message.Request.SetBody(body, $"multipart/mixed; boundary=batch_{boundary}");
        var response = await tables.SendAsync(message, ct);
        return response.Status == 202 ? Transaction.Read(response.Content.ToMemory()) : TableError.Of(response);
    }

    /// <summary>The ETag of the row that is there, if it is what this write would have written.</summary>
    private async ValueTask<string?> OwnAsync(Write write, CancellationToken ct)
    {
        if (await FindAsync(write.Key, ct) is not { } row || row.Columns.Count != write.Columns.Count) return null;
        var isSame = write.Columns.All(pair => row.Columns.TryGetValue(pair.Key, out var value)
            && (value is byte[] bytes ? pair.Value is byte[] own && bytes.AsSpan().SequenceEqual(own) : value.Equals(pair.Value)));
        return isSame ? row.Etag : null;
    }

    private string PathOf(Key key) => $"{name}(PartitionKey='{Quoted(key.Partition)}',RowKey='{Quoted(key.Row)}')";

    private static string Quoted(string key) => Uri.EscapeDataString(key.Replace("'", "''", StringComparison.Ordinal));

    private Exception FaultOf(TableError error, Write write) => error switch
    {
        { IsTableGoing: true } => IsGoing(name),
        { Status: 409 or 412 } => new ConflictException(name, write.Key),

        // An ETag was named, and the row is gone.
        { IsAbsent: true } when write.Etag is not null => new ConflictException(name, write.Key),
        _ => Unexpected(error, write.Key),
    };

    private Exception Unexpected(TableError error, Key key) => error.Code.Length == 0
        ? new StorageUnavailableException(FormattableString.Invariant($"What answered {error.Status} for table {name} is not Table Storage: is its address right?"))
        : new InvalidOperationException(FormattableString.Invariant($"Table Storage refused {name} {key.Partition}/{key.Row} with {error.Status} {error.Code}: {error.Message}"));
}
