namespace Fleet.Storage;

/// <summary>Someone else wrote first: the row is there already, or is not as it was when it was read. Nothing was written.</summary>
internal sealed class ConflictException(string table, Key key)
    : Exception($"{table} {key.Partition}/{key.Row} was changed meanwhile; read it again.");

/// <summary>The store does not answer. What was to be written may be written again.</summary>
internal sealed class StorageUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What the store holds is not what was written there. Nobody's request is at fault, and repeating it does not help.</summary>
internal sealed class StorageDamagedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>So much waits to be written that more would only wait too long. Come back soon.</summary>
internal sealed class StorageBusyException(int waiting)
    : Exception($"{waiting} writes are waiting for the disk; repeat in a few seconds.");
