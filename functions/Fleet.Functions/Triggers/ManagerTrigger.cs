using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>The REST API of people and scripts.</summary>
public sealed class ManagerTrigger(FleetApp fleet)
{
    [Function("Manager")]
    public Task Manager([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", "post", "put", "patch", "delete", Route = "api/{*path}")] HttpRequest request) => fleet.AnswerAsync(request);
}
