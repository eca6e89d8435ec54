using System.Net.Sockets;

namespace Fleet.Storage;

/// <summary>Tells faults of the machine from faults of the data: time-outs, the disk, memory, descriptors and the network pass, and the same work is done again; what is wrong with the data stays.</summary>
internal static class MachineFault
{
    public static bool Is(Exception fault) => fault switch
    {
        AggregateException many => many.InnerExceptions.Any(Is),
        StorageDamagedException => false,
        StorageUnavailableException or StorageBusyException or ConflictException => true,
        OperationCanceledException or TimeoutException or ObjectDisposedException => true,
        EndOfStreamException => false,
        IOException or UnauthorizedAccessException or SocketException or HttpRequestException => true,
        OutOfMemoryException or InsufficientExecutionStackException or ThreadStateException => true,
        TypeInitializationException { InnerException: { } inner } => Is(inner),
        _ => false,
    };
}
