using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Changes that people make to the control plane: under the state that they have seen, told to the audit log, and kept in the item's history.</summary>
internal sealed class Edits(HistoryStore history)
{
    /// <summary>Makes or replaces an item. The same again changes nothing.</summary>
    /// <param name="http">The request, with its preconditions.</param>
    /// <param name="table">Where it is.</param>
    /// <param name="kind">The kind's name in histories and in the audit log.</param>
    /// <param name="name">The item's.</param>
    /// <param name="stored">What is there, read for this request.</param>
    /// <param name="item">As it shall be.</param>
    /// <param name="body">As people see it, without secrets.</param>
    /// <param name="action">For the history, where it is neither <c>created</c> nor <c>changed</c>.</param>
    /// <param name="isSeen">Whether the request itself says what it replaces.</param>
    /// <param name="notes">Part of the answer: what there is to say of the item.</param>
    public async ValueTask<IResult> PutAsync<T>(
        HttpContext http, ControlTable<T> table, string kind, string name, Stored<T>? stored, T item, Func<T, JsonObject> body, string? action = null, bool isSeen = false,
        IReadOnlyList<FieldError>? notes = null)
        where T : class
    {
        var before = stored is null ? null : body(stored.Item);
        var after = body(item);
        var isSame = JsonNode.DeepEquals(before, after);
        if (Preconditions.Fault(http.Request, stored?.Etag, isRequired: !isSame && !isSeen) is { } fault) return fault;

        var note = http.Audit();
        (note.Target, note.Before, note.After) = ($"{kind}/{name}", before, after);
        var etag = stored?.Etag;
        if (!isSame)
        {
            etag = await table.PutAsync(name, item, etag, http.RequestAborted, isNew: stored is null);
            await history.AddAsync(kind, name, http.Actor(), action ?? (stored is null ? "created" : "changed"), before, after, CancellationToken.None);
        }

        http.ShowEtag(etag!);
        var answer = (JsonObject)after.DeepClone();
        if (notes is not null) answer[ItemKind.Notes] = JsonSerializer.SerializeToNode(notes, ManagerJson.Strict.IReadOnlyListFieldError);
        return stored is null ? TypedResults.Created($"/api/{kind}/{Uri.EscapeDataString(name)}", answer) : TypedResults.Ok(answer);
    }

    /// <summary>Removes an item that is there.</summary>
    public async ValueTask<IResult> RemoveAsync<T>(HttpContext http, ControlTable<T> table, string kind, Stored<T> stored, Func<T, JsonObject> body)
        where T : class
    {
        if (Preconditions.Fault(http.Request, stored.Etag, isRequired: false) is { } fault) return fault;
        var note = http.Audit();
        (note.Target, note.Before) = ($"{kind}/{stored.Name}", body(stored.Item));
        await table.RemoveAsync(stored.Name, stored.Etag, http.RequestAborted);
        await history.AddAsync(kind, stored.Name, http.Actor(), "deleted", body(stored.Item), after: null, CancellationToken.None);
        return TypedResults.NoContent();
    }
}
