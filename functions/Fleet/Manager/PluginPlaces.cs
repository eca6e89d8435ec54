using Fleet.Kernel;

namespace Fleet.Manager;

/// <summary>Whether the places that an alerter or sink names, addresses and files, may be written to.</summary>
internal sealed class PluginPlaces(Outbound outbound, OutFolders folders)
{
    /// <summary>What is wrong with them, as far as it can be told before a name is resolved.</summary>
    public IEnumerable<FieldError> Errors(IEnumerable<(string Name, string? Value)> given)
    {
        foreach (var (name, value) in given)
        {
            if (value is not { Length: > 0 }) continue;
            var fault = name == "path" ? folders.FaultOf(value)
                : Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Host.Length > 0 ? outbound.FaultOf(url.IdnHost)
                : null;
            if (fault is not null) yield return new(name, fault);
        }
    }
}
