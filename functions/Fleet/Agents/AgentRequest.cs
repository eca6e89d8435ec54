using System.Net;
using System.Text.Json;

namespace Fleet.Agents;

/// <summary>An agent's request, read whole, inflated and repaired.</summary>
/// <param name="Body">UTF-8; JSON if the agent kept to its protocol. Valid until the call returns.</param>
/// <param name="HeaderKey">The node key of <c>Authorization: NodeKey …</c>, which agents send from 5.23 on; empty otherwise.</param>
/// <param name="Address">Where it came from, the trusted proxies' word included.</param>
/// <param name="Size">Bytes on the wire. If they were over the limit, <paramref name="Body"/> holds only the last of them.</param>
/// <param name="Certified">The name in a client certificate that was found good; null for none.</param>
/// <param name="UserAgent">What the agent calls itself: <c>osquery/5.23.1</c>.</param>
/// <param name="CertificateFault">Why a client certificate that came was not found good; null otherwise.</param>
internal sealed record AgentRequest(ReadOnlyMemory<byte> Body, string HeaderKey, IPAddress? Address, bool AcceptsGzip, long Size, bool IsOversized, string? Certified, string UserAgent = "", string? CertificateFault = null)
{
    private const string Osquery = "osquery/";

    /// <summary>The version that the agent says it is; empty if it does not.</summary>
    public ReadOnlySpan<char> OsqueryVersion => UserAgent.StartsWith(Osquery, StringComparison.Ordinal) && UserAgent.Length <= 100 ? UserAgent.AsSpan(Osquery.Length).Trim() : default;

    /// <summary>Reads the body: what is wrong with it is the agent's fault, and what is wrong with JSON elsewhere is not.</summary>
    /// <exception cref="BadBodyException">It is not what the call takes.</exception>
    public T Read<T>(Func<ReadOnlyMemory<byte>, T> read)
    {
        try
        {
            return read(Body);
        }
        catch (JsonException fault)
        {
            throw new BadBodyException(fault.Message);
        }
    }
}

/// <summary>The body is not what the call takes.</summary>
internal sealed class BadBodyException(string message) : Exception(message);

/// <summary>One of the calls that agents make.</summary>
internal interface IAgentCall
{
    /// <summary>Whether a body over the limit is handed in by its end, to be dropped knowingly: an agent would send it again for ever.</summary>
    bool TakesOversized => false;

    /// <summary>Whether bodies, or headers, have a node key.</summary>
    bool TakesKey => true;

    /// <summary>Whether bodies are small: all but logs and distributed answers are.</summary>
    bool IsSmall => true;

    /// <summary>Whether agents read no <c>error</c> in the answer: any JSON is success to them, so a failure is plain text.</summary>
    bool ReadsNoError => false;

    /// <summary>Whether an answer may be packed with gzip, for agents that ask for it.</summary>
    bool PacksAnswer => false;

    ValueTask<AgentAnswer> HandleAsync(AgentRequest request, CancellationToken ct);
}
