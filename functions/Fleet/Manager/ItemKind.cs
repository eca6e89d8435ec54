using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Fleet.Config;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Storage;

namespace Fleet.Manager;

internal static class ItemKind
{
    /// <summary>The member of an answer to PUT that says what there is to know of the item.</summary>
    public const string Notes = "notes";
}

/// <summary>A kind of thing that configurations are made from: how it is read, shown and named. What is done with it is the same for all: <see cref="ItemsApi"/>.</summary>
/// <param name="table">Where they are.</param>
/// <param name="path">The resource's path, and the kind's name in histories: <c>queries</c>.</param>
/// <param name="noun">What one is called: <c>query</c>.</param>
/// <param name="key">The member that holds the name: <c>name</c>.</param>
internal abstract class ItemKind<T>(ControlTable<T> table, string path, string noun, string key = "name")
    where T : class
{
    public ControlTable<T> Table => table;

    public string Path => path;

    public string Noun => noun;

    public string Key => key;

    /// <summary>Whether PUT takes tags as a parameter too: for files that have no place for them.</summary>
    public virtual bool TakesTagsBeside => false;

    public abstract string NameOf(T item);

    public abstract TagSet TagsOf(T item);

    public abstract T With(T item, string name, TagSet tags);

    /// <summary>As people see it. PUT takes the same.</summary>
    public abstract JsonObject Body(T item);

    /// <summary>As a file that osquery, and <c>POST /api/import</c>, read.</summary>
    public abstract JsonObject File(T item);

    /// <summary>How much it adds to configurations.</summary>
    public abstract SizedItem Sized(T item);

    /// <summary>Names under which results of it come.</summary>
    public virtual IEnumerable<string> ResultNames(T item) => [];

    /// <summary>Reads what PUT was given.</summary>
    /// <param name="name">From the path.</param>
    /// <param name="body">Without its name.</param>
    /// <param name="before">What is there, or null.</param>
    /// <param name="found">What is found of it.</param>
    /// <returns>The item; it counts for nothing if there are faults.</returns>
    protected abstract T? Read(string name, JsonObject body, T? before, ConfigFindings found);

    /// <summary>Reads what PUT was given, a copy, or an old version.</summary>
    /// <param name="name">From the path.</param>
    /// <param name="body">With its name or without it.</param>
    /// <param name="before">What is there, or null.</param>
    /// <param name="found">What is found of it.</param>
    /// <exception cref="ConfigRefusedException">Everything that is wrong with it.</exception>
    public T ReadNamed(string name, JsonObject body, T? before, ConfigFindings found)
    {
        if (body[key] is { } named && (named.GetValueKind() != JsonValueKind.String || named.GetValue<string>() != name))
        {
            throw new ConfigRefusedException([new(key, $"The path says '{name}'. To have it under another name, copy it.")]);
        }

        body.Remove(key);
        body.Remove(ItemKind.Notes);
        var item = Read(name, body, before, found);
        found.ThrowIfRefused();
        return item!;
    }

    /// <summary>The body of a request as JSON.</summary>
    public virtual async ValueTask<JsonObject> BodyOfAsync(HttpRequest request, CancellationToken ct)
    {
        try
        {
            return await JsonNode.ParseAsync(request.Body, documentOptions: new() { AllowDuplicateProperties = false }, cancellationToken: ct) as JsonObject
                ?? throw new JsonException("The body is a JSON object.");
        }
        catch (JsonException fault)
        {
            throw new BadHttpRequestException("", fault);
        }
    }

    protected static TRequest Typed<TRequest>(JsonObject body, JsonTypeInfo<TRequest> type)
    {
        try
        {
            return body.Deserialize(type)!;
        }
        catch (JsonException fault)
        {
            throw new BadHttpRequestException("", fault);
        }
    }

    protected static void CheckTags(IReadOnlyList<string>? tags, Limits limits, ConfigFindings found)
    {
        if (TagSet.Fault([.. tags ?? []], limits) is { } fault) found.Refuse("tags", fault);
    }
}
