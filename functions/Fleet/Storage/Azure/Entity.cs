using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;

namespace Fleet.Storage.Azure;

/// <summary>Rows as the client of Table Storage takes and gives them.</summary>
internal static class Entity
{
    public static TableEntity Of(Write write)
    {
        var entity = new TableEntity(write.Key.Partition, write.Key.Row);
        foreach (var (name, value) in write.Columns) entity.Add(name, value);
        return entity;
    }

    public static TableTransactionAction ActionOf(Write write) => write switch
    {
        { Kind: WriteKind.Insert } => new(TableTransactionActionType.Add, Of(write)),
        { Kind: WriteKind.Delete } => new(TableTransactionActionType.Delete, Of(write), write.Etag is { } etag ? new ETag(etag) : ETag.All),
        { Kind: WriteKind.Replace, Etag: null } => new(TableTransactionActionType.UpsertReplace, Of(write)),
        { Kind: WriteKind.Merge, Etag: null } => new(TableTransactionActionType.UpsertMerge, Of(write)),
        { Kind: WriteKind.Replace } => new(TableTransactionActionType.UpdateReplace, Of(write), new ETag(write.Etag)),
        { Kind: WriteKind.Merge } => new(TableTransactionActionType.UpdateMerge, Of(write), new ETag(write.Etag)),
        _ => throw new ArgumentException($"{write.Kind} is no kind of write."),
    };

    /// <remarks>The client makes entities by reflection, which the native program would not have the constructors for.</remarks>
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.NonPublicConstructors, typeof(TableEntity))]
    public static Row ToRow(TableEntity entity)
    {
        var columns = new Columns();
        foreach (var (name, value) in entity)
        {
            if (name is not ("PartitionKey" or "RowKey" or "Timestamp" or "odata.etag")) columns.With(name, ValueOf(value));
        }

        return new(new(entity.PartitionKey, entity.RowKey), entity.ETag.ToString(), columns);
    }

    /// <summary>A number without a type is a real one: Table Storage leaves the type of a whole one out.</summary>
    private static object? ValueOf(object? value) => value is int whole ? (double)whole : value;
}
