using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

/// <summary>Renames a tag, or takes it off, wherever it is. Safe to repeat: what dies in the middle is finished by doing it again.</summary>
internal sealed class TagChanges(NodeChanges nodes, NodeCatalog catalog, QueryItems queries, PackItems packs, FilePathItems paths, OptionItems options, EnrollSecrets secrets, HistoryStore history)
{
    /// <param name="http">Who asks.</param>
    /// <param name="tag">The tag.</param>
    /// <param name="to">What takes its place; null for nothing.</param>
    /// <param name="isRehearsal">Only count.</param>
    /// <param name="ct">Stops between two things.</param>
    public async ValueTask<(int Nodes, int Items)> ReplaceAsync(HttpContext http, string tag, string? to, bool isRehearsal, CancellationToken ct)
    {
        // What they get goes first, then they: no node is without its configuration for longer than it takes.
        var items = await ReplaceAsync(http, queries, tag, to, isRehearsal, ct) + await ReplaceAsync(http, packs, tag, to, isRehearsal, ct)
            + await ReplaceAsync(http, paths, tag, to, isRehearsal, ct) + await ReplaceAsync(http, options, tag, to, isRehearsal, ct);
        foreach (var secret in (await secrets.ListAsync(ct)).Where(secret => secret.Tags.Has(tag)))
        {
            items++;
            if (!isRehearsal) await secrets.ChangeAsync(secret.Id, enabled: null, With(secret.Tags, tag, to), ct);
        }

        var tagged = (await catalog.AllAsync(ct)).Where(one => one.Node.Tags.Has(tag)).Select(one => one.Node.Id).ToHashSet();
        if (!isRehearsal) await nodes.ApplyAsync(http, tagged, node => node.Tags.Has(tag) ? node with { Tags = With(node.Tags, tag, to) } : node, ct);
        return (tagged.Count, items);
    }

    private async ValueTask<int> ReplaceAsync<T>(HttpContext http, ItemKind<T> kind, string tag, string? to, bool isRehearsal, CancellationToken ct)
        where T : class
    {
        var carriers = kind.Table.Current.Items.Where(item => kind.TagsOf(item).Has(tag)).Select(kind.NameOf).ToList();
        foreach (var name in isRehearsal ? [] : carriers)
        {
            for (var isDone = false; !isDone;)
            {
                if (await kind.Table.ReadAsync(name, ct) is not { } stored || !kind.TagsOf(stored.Item).Has(tag)) break;
                var after = kind.With(stored.Item, name, With(kind.TagsOf(stored.Item), tag, to));
                try
                {
                    await kind.Table.PutAsync(name, after, stored.Etag, ct);
                    await history.AddAsync(kind.Path, name, http.Actor(), "changed", kind.Body(stored.Item), kind.Body(after), CancellationToken.None);
                    isDone = true;
                }
                catch (ConflictException)
                {
                    // Somebody changes it at the same time: look again.
                }
            }
        }

        return carriers.Count;
    }

    private static TagSet With(TagSet tags, string tag, string? to) => TagSet.Of(tags.Tags.Where(one => one != tag).Concat(to is null ? [] : [to]));
}
