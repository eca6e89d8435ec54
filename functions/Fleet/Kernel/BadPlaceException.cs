namespace Fleet.Kernel;

/// <summary>What was given as <c>after</c> is no place of this list.</summary>
internal sealed class BadPlaceException() : Exception("This 'after' is none that this list gave.");
