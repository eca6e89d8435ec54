using System.Text;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>A configuration as bytes: the same for all nodes with these tags, and the same until something that it is made from changes.</summary>
internal sealed class AssembledConfig
{
    private byte[]? _gzip;
    private byte[]? _gzipWithEtag;

    private int _isTold;

    public AssembledConfig(byte[] json)
    {
        Json = json;
        Etag = Digest.Of(json);
        WithEtag = [.. Encoding.UTF8.GetBytes($$"""{"etag":"{{Etag}}","""), .. json.AsSpan(1)];
    }

    public byte[] Json { get; }

    /// <summary>The same for an agent that sent an <c>etag</c>.</summary>
    public byte[] WithEtag { get; }

    public string Etag { get; }

    public byte[] Gzip => _gzip ??= Compression.Gzip(Json);

    public byte[] GzipWithEtag => _gzipWithEtag ??= Compression.Gzip(WithEtag);

    /// <summary>Why it must not be sent to an agent; null if it may be. One that gets too much keeps no schedule at all.</summary>
    public string? FaultFor(string osqueryVersion, Limits limits) => WithEtag.Length <= limits.ConfigBytes || WithEtag.Length <= ConfigSizes.MostFor(osqueryVersion, limits)
        ? null
        : FormattableString.Invariant($"The configuration has {WithEtag.Length:N0} bytes, and osquery {osqueryVersion} takes at most {ConfigSizes.MostFor(osqueryVersion, limits):N0}, so it is not sent, and the agent keeps the one that it has. Give its nodes fewer or smaller packs.");

    /// <summary>True once: what is wrong with it is logged once, and not at each check-in.</summary>
    public bool TellOnce() => Interlocked.Exchange(ref _isTold, 1) == 0;
}
