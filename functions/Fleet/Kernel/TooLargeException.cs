namespace Fleet.Kernel;

/// <summary>Something is over a limit of <see cref="Limits"/>; nothing of it was stored.</summary>
internal sealed class TooLargeException(string what, long most)
    : Exception(FormattableString.Invariant($"{what} is over the limit of {most} bytes"));
