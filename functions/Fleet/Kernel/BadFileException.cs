namespace Fleet.Kernel;

/// <summary>A file that somebody sent is not what it should be; the message says where and why.</summary>
internal sealed class BadFileException(string message, Exception? inner = null) : FormatException(message, inner);
