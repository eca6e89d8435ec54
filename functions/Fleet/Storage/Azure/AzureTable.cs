using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Fleet.Kernel;

namespace Fleet.Storage.Azure;

/// <summary>A table of a storage account. It is made when a write finds that it is not there.</summary>
internal sealed class AzureTable(TableClient client) : ITable
{
    private const string Service = "Table Storage";

    public string Name => client.Name;

    public ValueTask<Row?> FindAsync(Key key, CancellationToken ct) => AskAsync<Row?>(async () =>
    {
        var found = await client.GetEntityIfExistsAsync<TableEntity>(key.Partition, key.Row, cancellationToken: ct);
        if (found.HasValue) return Entity.ToRow(found.Value!);
        using var response = found.GetRawResponse();
        return IsAbsent(CodeOf(response)) ? null : throw NotTableStorage(response.Status);
    }, ct);

    public async ValueTask<string> WriteAsync(Write write, CancellationToken ct)
    {
        TableLimits.Check(write);
        for (var isMade = false; ; isMade = true)
        {
            var tries = new TryCounter.Tries();
            try
            {
                return await AskAsync(() => SendAsync(write, tries, ct), ct);
            }
            catch (RequestFailedException fault) when (fault.ErrorCode == TableErrorCode.EntityAlreadyExists && tries.IsRetried)
            {
                return (await OwnAsync(write, ct))?.Etag ?? throw FaultOf(fault, write);
            }
            catch (RequestFailedException fault) when (fault.ErrorCode == TableErrorCode.TableNotFound && Makes(write) && !isMade)
            {
                await MakeAsync(ct);
            }
            catch (RequestFailedException fault)
            {
                throw FaultOf(fault, write);
            }
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
            var tries = new TryCounter.Tries();
            try
            {
                await AskAsync(() => TransactAsync(writes, tries, ct), ct);
                return;
            }
            catch (RequestFailedException fault)
            {
                var failed = writes[Math.Clamp((fault as TableTransactionFailedException)?.FailedTransactionActionIndex ?? 0, 0, writes.Count - 1)];
                var isMissing = fault.ErrorCode == TableErrorCode.TableNotFound;
                if (isMissing && writes.Any(Makes) && !isMade)
                {
                    await MakeAsync(ct);
                    isMade = true;
                }
                else if (IsAbsent(fault.ErrorCode) && writes.All(IsPlainDelete))
                {
                    // What is gone already fails the whole transaction there; here it is no failure. More of them may be gone.
                    await Parallel.ForEachAsync(writes, ct, async (write, stop) => await WriteAsync(write, stop));
                    return;
                }
                else if (IsAbsent(fault.ErrorCode) && !isMissing && IsPlainDelete(failed))
                {
                    writes = [.. writes.Where(write => write != failed)];
                }
                else if (fault.ErrorCode == TableErrorCode.EntityAlreadyExists && tries.IsRetried && await IsOwnAsync(writes, ct))
                {
                    return;
                }
                else
                {
                    throw FaultOf(fault, isMissing ? writes.First(write => !IsPlainDelete(write)) : failed);
                }
            }
        }
    }

    public async ValueTask<Page<Row>> PageAsync(KeyRange range, int take, string? after, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(take, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(take, TableLimits.PageRows);
        try
        {
            return await AskAsync(async () =>
            {
                await using var pages = client.QueryAsync<TableEntity>(RangeFilter.Of(range).OrNull(), take, cancellationToken: ct).AsPages(after).GetAsyncEnumerator(ct);
                await pages.MoveNextAsync();
                return new Page<Row>([.. pages.Current.Values.Select(Entity.ToRow)], pages.Current.ContinuationToken);
            }, ct);
        }
        catch (RequestFailedException fault)
        {
            return IsAbsent(fault.ErrorCode) ? new([], null) : throw Unexpected(fault, range.From);
        }
    }

    /// <summary>Table Storage's own word that there is no such row or table. A 404 without it is somebody else's: a proxy's, a wrong address's.</summary>
    private static bool IsAbsent(string? code) => code == TableErrorCode.ResourceNotFound || code == TableErrorCode.EntityNotFound || code == TableErrorCode.TableNotFound;

    /// <summary>The service says it in the body alone, where the client reads it for its exceptions.</summary>
    private static string? CodeOf(Response response) => new RequestFailedException(response).ErrorCode;

    /// <summary>A delete of whatever is there, nothing included.</summary>
    private static bool IsPlainDelete(Write write) => write is { Kind: WriteKind.Delete, Etag: null };

    /// <summary>Whether a write makes a row where there is none, and so the table.</summary>
    private static bool Makes(Write write) => write.Kind == WriteKind.Insert || (write.Kind != WriteKind.Delete && write.Etag is null);

    /// <summary>One call to the service.</summary>
    /// <exception cref="RequestFailedException">What it said of the request.</exception>
    private async ValueTask<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        try
        {
            return await ask();
        }
        catch (Exception fault) when (AzureFault.Unavailable(fault, Service, $"table {Name}", ct) is { } unavailable)
        {
            throw unavailable;
        }
    }

    private async Task<string> SendAsync(Write write, TryCounter.Tries tries, CancellationToken ct)
    {
        using var counting = tries.Begin();
        var (mode, etag) = (write.Kind == WriteKind.Replace ? TableUpdateMode.Replace : TableUpdateMode.Merge, write.Etag is { } given ? new ETag(given) : ETag.All);
        using var response = write switch
        {
            { Kind: WriteKind.Insert } => await client.AddEntityAsync(Entity.Of(write), ct),
            { Kind: WriteKind.Delete } => await client.DeleteEntityAsync(write.Key.Partition, write.Key.Row, etag, ct),
            { Etag: null } => await client.UpsertEntityAsync(Entity.Of(write), mode, ct),
            _ => await client.UpdateEntityAsync(Entity.Of(write), etag, mode, ct),
        };
        if (write.Kind != WriteKind.Delete) return response.Headers.ETag.ToString() ?? "";
        if (response.Status != 404) return "";
        return !IsAbsent(CodeOf(response)) ? throw NotTableStorage(response.Status) : IsPlainDelete(write) ? "" : throw new ConflictException(Name, write.Key);
    }

    private async Task<bool> TransactAsync(IReadOnlyList<Write> writes, TryCounter.Tries tries, CancellationToken ct)
    {
        using var counting = tries.Begin();
        await client.SubmitTransactionAsync(writes.Select(Entity.ActionOf), ct);
        return true;
    }

    /// <summary>Makes the table; that another instance was faster is no failure.</summary>
    private async ValueTask MakeAsync(CancellationToken ct)
    {
        try
        {
            // CreateIfNotExists serializes by reflection, which the native program does not have.
            await AskAsync(() => client.CreateAsync(ct), ct);
        }
        catch (RequestFailedException fault) when (fault.ErrorCode == TableErrorCode.TableAlreadyExists)
        {
            // It is there.
        }
        catch (RequestFailedException fault)
        {
            throw fault.ErrorCode == TableErrorCode.TableBeingDeleted ? IsGoing() : new InvalidOperationException($"Table {Name} cannot be made: {fault.Status} {fault.ErrorCode}", fault);
        }
    }

    /// <summary>The row that stands in an insert's way, if it is what this write would have written: a try whose answer was lost has written it.</summary>
    private async ValueTask<Row?> OwnAsync(Write write, CancellationToken ct)
    {
        if (await FindAsync(write.Key, ct) is not { } row || row.Columns.Count != write.Columns.Count) return null;
        var isSame = write.Columns.All(pair => row.Columns.TryGetValue(pair.Key, out var value)
            && (value is byte[] bytes ? pair.Value is byte[] own && bytes.AsSpan().SequenceEqual(own) : value.Equals(pair.Value)));
        return isSame ? row : null;
    }

    /// <summary>Whether a transaction's inserts are all there as they would have been written.</summary>
    private async ValueTask<bool> IsOwnAsync(IReadOnlyList<Write> writes, CancellationToken ct)
    {
        foreach (var write in writes.Where(write => write.Kind == WriteKind.Insert))
        {
            if (await OwnAsync(write, ct) is null) return false;
        }

        return true;
    }

    private Exception FaultOf(RequestFailedException fault, Write write) => fault switch
    {
        _ when fault.ErrorCode == TableErrorCode.TableBeingDeleted => IsGoing(),
        { Status: 409 or 412 } => new ConflictException(Name, write.Key),

        // An ETag was named, and the row is gone.
        _ when IsAbsent(fault.ErrorCode) && write.Etag is not null => new ConflictException(Name, write.Key),
        _ => Unexpected(fault, write.Key),
    };

    private StorageUnavailableException IsGoing() => new($"Table {Name} is being deleted, which takes up to a minute; repeat then.");

    private Exception Unexpected(RequestFailedException fault, Key key) => string.IsNullOrEmpty(fault.ErrorCode)
        ? NotTableStorage(fault.Status)
        : new InvalidOperationException(FormattableString.Invariant($"{Service} refused {Name} {key.Partition}/{key.Row} with {fault.Status} {fault.ErrorCode}: {fault.Message.Split('\n')[0]}"), fault);

    private StorageUnavailableException NotTableStorage(int status) => new(FormattableString.Invariant($"What answered {status} for table {Name} is not {Service}: is its address right?"));
}
