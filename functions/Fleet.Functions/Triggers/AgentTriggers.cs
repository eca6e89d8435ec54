using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace Fleet.Functions.Triggers;

/// <summary>What osquery agents call: one function for each endpoint, so that each is measured by itself, and the paths that other servers give them.</summary>
/// <remarks>Public, like all functions: the worker would compile an expression at each call of an internal one.</remarks>
public sealed class AgentTriggers(FleetApp fleet)
{
    [Function("Enroll")]
    public Task Enroll([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "enroll")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("Config")]
    public Task Config([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "config")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("Log")]
    public Task Log([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "log")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("DistributedRead")]
    public Task DistributedRead([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "distributed/read")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("DistributedWrite")]
    public Task DistributedWrite([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "distributed/write")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("CarveStart")]
    public Task CarveStart([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "carve/start")] HttpRequest request) => fleet.AnswerAsync(request);

    [Function("CarveContinue")]
    public Task CarveContinue([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "carve/continue")] HttpRequest request) => fleet.AnswerAsync(request);

    /// <summary>Doorman's paths.</summary>
    [Function("AgentV1")]
    public Task AgentV1([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "v1/{*call}")] HttpRequest request) => fleet.AnswerAsync(request);

    /// <summary>fleetdm's paths.</summary>
    [Function("AgentFleet")]
    public Task AgentFleet([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "api/osquery/{*call}")] HttpRequest request) => fleet.AnswerAsync(request);

    /// <summary>fleetdm's newer paths.</summary>
    [Function("AgentFleetV1")]
    public Task AgentFleetV1([HttpTrigger(AuthorizationLevel.Anonymous, "post", "put", Route = "api/v1/osquery/{*call}")] HttpRequest request) => fleet.AnswerAsync(request);
}
