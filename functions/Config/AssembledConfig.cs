using System.Text;
using Fleet.Kernel;

namespace Fleet.Config;

/// <summary>A configuration as bytes: the same for all nodes with these tags, and the same until something that it is made from changes.</summary>
internal sealed class AssembledConfig
{
    private byte[]? _gzip;
    private byte[]? _gzipWithEtag;

    public AssembledConfig(byte[] json, int most)
    {
        Json = json;
        Etag = Digest.Of(json);
        WithEtag = [.. Encoding.UTF8.GetBytes($$"""{"etag":"{{Etag}}","""), .. json.AsSpan(1)];
        if (WithEtag.Length > most) Fault = $"the configuration has {json.Length} bytes, and osquery takes at most {most}: give its nodes fewer packs";
    }

    public byte[] Json { get; }

    /// <summary>The same for an agent that sent an <c>etag</c>.</summary>
    public byte[] WithEtag { get; }

    public string Etag { get; }

    public byte[] Gzip => _gzip ??= Compression.Gzip(Json);

    public byte[] GzipWithEtag => _gzipWithEtag ??= Compression.Gzip(WithEtag);

    /// <summary>Why it must not be sent: an agent that gets too much keeps no schedule at all.</summary>
    public string? Fault { get; }
}
