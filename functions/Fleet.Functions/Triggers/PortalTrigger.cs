using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>The portal's pages and files.</summary>
public sealed class PortalTrigger(FleetApp fleet)
{
    [Function("Portal")]
    public Task Portal([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{*path}")] HttpRequest request) => fleet.AnswerAsync(request);
}
