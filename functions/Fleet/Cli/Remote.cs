using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fleet.Cli;

/// <summary>Options of the commands that ask a server, and how they answer: 0 done, 1 failed, 2 it is not as it should be (differences, a test that fails, machines without an answer).</summary>
internal static class Remote
{
    public const int NotSo = 2;

    private static readonly Option<string?> s_server = new("--server") { Description = "The server's address. Default: FLEET_SERVER.", HelpName = "URL" };
    private static readonly Option<string?> s_token = new("--token") { Description = "An API token. Default: FLEET_TOKEN.", HelpName = "TOKEN" };
    private static readonly Option<string?> s_authority = new("--cacert") { Description = "A PEM file: the certificate to trust. Default: FLEET_CACERT, or the system's.", HelpName = "FILE" };

    public static Option<string> Output(params string[] formats)
    {
        var output = new Option<string>("--output", "-o") { Description = $"{string.Join(", ", formats)}. Default: {formats[0]}.", DefaultValueFactory = _ => formats[0], HelpName = "FORMAT" };
        output.AcceptOnlyFromAmong(formats);
        return output;
    }

    /// <summary>Adds the options, and an example that <c>--help</c> shows.</summary>
    public static Command WithServer(this Command command, string example, Func<ParseResult, FleetClient, CancellationToken, Task<int>> run)
    {
        command.Description += $"\n\nExample:\n  {example}";
        command.Add(s_server);
        command.Add(s_token);
        command.Add(s_authority);
        command.SetAction((parsed, ct) => Shared.GuardAsync(async () =>
        {
            using var client = Connect(parsed);
            return await run(parsed, client, ct);
        }));
        return command;
    }

    public static void Print(JsonNode json) => Console.WriteLine(json.ToJsonString(s_indented));

    private static readonly JsonSerializerOptions s_indented = new(Manager.ManagerJson.Indented.Options);

    private static FleetClient Connect(ParseResult parsed)
    {
        var server = parsed.GetValue(s_server) ?? Environment.GetEnvironmentVariable("FLEET_SERVER");
        var token = parsed.GetValue(s_token) ?? Environment.GetEnvironmentVariable("FLEET_TOKEN");
        var authority = parsed.GetValue(s_authority) ?? Environment.GetEnvironmentVariable("FLEET_CACERT");
        if (string.IsNullOrEmpty(server)) throw new RemoteException("Which server? Give --server URL, or set FLEET_SERVER.");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https")) throw new RemoteException($"'{server}' is no address such as https://fleet.example.org.");
        if (string.IsNullOrEmpty(token)) throw new RemoteException("Who are you? Give --token TOKEN, or set FLEET_TOKEN. 'fleet token create' makes one on the server.");
        return new(url, token, string.IsNullOrEmpty(authority) ? null : authority);
    }
}
