using Azure.Core;
using Azure.Core.Pipeline;

namespace Fleet.Storage.Azure;

/// <summary>Counts how often a call was sent: after a second time, what stands in its way may be what the first one did.</summary>
internal sealed class TryCounter : HttpPipelineSynchronousPolicy
{
    public override void OnSendingRequest(HttpMessage message)
    {
        if (message.TryGetProperty(nameof(Tries), out var found) && found is Tries tries) tries.Count++;
    }

    public sealed class Tries
    {
        public int Count { get; set; }

        public bool IsRetried => Count > 1;

        /// <summary>Counts the tries of calls that are made until the scope ends.</summary>
        public IDisposable Begin() => HttpPipeline.CreateHttpMessagePropertiesScope(new Dictionary<string, object?> { [nameof(Tries)] = this });
    }
}
