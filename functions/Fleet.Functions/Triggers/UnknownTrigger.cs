using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>Everything that no other function takes: the host's own answer would be empty, and an agent with a misspelt path would delete its logs.</summary>
public sealed class UnknownTrigger(FleetApp fleet)
{
    [Function("Unknown")]
    public Task Unknown([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", "patch", "delete", "options", Route = "{*unknown}")] HttpRequest request) => fleet.AnswerAsync(request);
}
