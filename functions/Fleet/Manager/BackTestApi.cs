using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fleet.Alerts;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Rules;

namespace Fleet.Manager;

/// <param name="Rule">A rule that need not be saved; or <paramref name="RuleId"/>, one that is.</param>
/// <param name="From">Left out, a day before <paramref name="To"/>.</param>
/// <param name="To">Left out, now.</param>
/// <param name="Samples">How many matching rows to show: 0 to 500; left out, 50.</param>
internal sealed record BackTestRequest(RuleRequest? Rule = null, string? RuleId = null, DateTimeOffset? From = null, DateTimeOffset? To = null, int? Samples = null);

/// <param name="Through">Everything before is judged.</param>
/// <param name="Percent">Of the range of time.</param>
internal sealed record BackTestProgressBody(DateTimeOffset Through, double Percent, long Batches, long Lines, long Matches, long Alerts, double Seconds);

internal sealed record BackTestDay(string Day, long Matches, long Alerts);

internal sealed record BackTestNode(string NodeId, string HostIdentifier, long Matches);

internal sealed record BackTestRow(string NodeId, DateTimeOffset Time, JsonNode Line);

/// <param name="NodesMatched">How many nodes in all; <paramref name="Nodes"/> has the thousand with the most matches.</param>
/// <param name="IsTruncated">More had to be remembered than can be: the alerts are an estimate.</param>
internal sealed record BackTestResultBody(
    DateTimeOffset From, DateTimeOffset To, long Batches, long Lines, long Matches, long Alerts, double Seconds, int NodesMatched, IReadOnlyList<BackTestDay> Days, IReadOnlyList<BackTestNode> Nodes,
    IReadOnlyList<BackTestRow> Samples, bool IsTruncated);

/// <summary>One line of the answer: how far it is, the result, or what went wrong.</summary>
internal sealed record BackTestEvent(BackTestProgressBody? Progress = null, BackTestResultBody? Result = null, string? Error = null);

/// <summary>A rule over stored results. The answer comes line by line as NDJSON; closing the connection stops it.</summary>
internal static class BackTestApi
{
    private const int MostSamples = 500;
    private static readonly TimeSpan s_most = TimeSpan.FromDays(92);
    private static readonly SemaphoreSlim s_running = new(2);

    public static void MapBackTest(this IEndpointRouteBuilder api) => api.MapPost("/rules/backtest", RunAsync).For(Role.Operator).ReadsOnly().Stream().Docs<BackTestEvent>(
        "Judge stored results once more: what a rule would have found. One JSON a line: progress, then the result", id: "backTestRule", type: Export.Ndjson,
        body: """{"rule":{"name":"draft","conditions":{"condition":"AND","rules":[{"field":"query_name","operator":"equal","value":"processes"}]}}}""");

    private static async Task<IResult> RunAsync(BackTestRequest request, RuleStore rules, Alerters alerters, BackTest backTest, NodeDirectory directory, Limits limits, TimeProvider clock, HttpContext http, ILogger<BackTest> log, CancellationToken ct)
    {
        var to = request.To ?? clock.GetUtcNow();
        var from = request.From ?? to - TimeSpan.FromDays(1);
        if (from >= to || to - from > s_most) return Problem.Invalid("from", "The range ends after it begins, and is at most 92 days long.");
        if (request.Samples is < 0 or > MostSamples) return Problem.Invalid("samples", "This is a number from 0 to 500.");
        if ((request.Rule is null) == (request.RuleId is null)) return Problem.Invalid("rule", "Either 'rule' or 'ruleId' says which rule to test.");
        if (request.RuleId is { } id && rules.Find(id) is null) return Problem.Invalid("ruleId", $"There is no rule '{id}'.");
        IReadOnlyList<FieldError> errors = [];
        if ((request.Rule is null ? rules.Find(request.RuleId!)!.Item : RuleReader.Read("draft", request.Rule, alerters.Current.ByName.Keys, limits, before: null, from, out errors)) is not { } rule)
        {
            return Problem.Invalid([.. errors.Select(error => error with { Path = "rule." + error.Path })]);
        }

        if (rule.Absence is not null) return Problem.Invalid("rule.absence", "This rule is about results that do not come: stored results do not tell of them.");
        using var conditions = JsonDocument.Parse(rule.Conditions);
        if (RuleParser.Parse(conditions.RootElement, limits, out var faults) is not { } root) return Problem.Invalid("rule.conditions", faults[0].Message);
        if (!await s_running.WaitAsync(TimeSpan.Zero, ct)) return new Problem(503, "busy", "Busy", "Two back-tests are running: try again when one of them is done.").ToResult();
        try
        {
            http.Response.ContentType = Export.Ndjson;
            var began = clock.GetTimestamp();
            await foreach (var (progress, result) in backTest.RunAsync(rule, root, from, to, request.Samples ?? 50, ct))
            {
                var seconds = Math.Round(clock.GetElapsedTime(began).TotalSeconds, 2);
                await WriteAsync(new(result is not null
                    ? null
                    : new(progress.Through, Math.Round(100 * ((progress.Through - from) / (to - from)), 1), progress.Batches, progress.Lines, progress.Matches, progress.Alerts, seconds),
                    result is null ? null : await BodyAsync(result, from, to, seconds, directory, ct)));
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Whoever asked has gone.
        }
        catch (Exception fault) when (http.Response.HasStarted)
        {
            log.LogError(fault, "A back-test of rule {Rule} failed", rule.Name);
            await WriteAsync(new(Error: "The back-test failed: " + fault.Message));
        }
        finally
        {
            s_running.Release();
        }

        return TypedResults.Empty;

        async Task WriteAsync(BackTestEvent one)
        {
            await JsonSerializer.SerializeAsync(http.Response.Body, one, ManagerJson.Lines.BackTestEvent, ct);
            await http.Response.Body.WriteAsync("\n"u8.ToArray(), ct);
            await http.Response.Body.FlushAsync(ct);
        }
    }

    private static async ValueTask<BackTestResultBody> BodyAsync(BackTestResult result, DateTimeOffset from, DateTimeOffset to, double seconds, NodeDirectory directory, CancellationToken ct)
    {
        var nodes = new List<BackTestNode>();
        foreach (var (node, matches) in result.Nodes) nodes.Add(new(node.ToString(), (await directory.FindAsync(node, ct))?.HostIdentifier ?? "", matches));
        var days = result.Days.Keys.Union(result.AlertDays.Keys).Order()
            .Select(day => new BackTestDay(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), result.Days.GetValueOrDefault(day), result.AlertDays.GetValueOrDefault(day)));
        var total = result.Total;
        return new(
            from, to, total.Batches, total.Lines, total.Matches, total.Alerts, seconds, result.NodesMatched, [.. days], nodes,
            [.. result.Samples.Select(row => new BackTestRow(row.Node.ToString(), row.At, JsonNode.Parse(row.Line)!))], result.IsTruncated);
    }
}
