using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fleet.Shared;

namespace Fleet.Benchmarks;

/// <summary>From the start of the process to its first answer: this program as a Functions handler, and a bare Kestrel that is published the same way.</summary>
internal static class StartBench
{
    private const int Rounds = 15;

    private const string BareProject = """
        <Project Sdk="Microsoft.NET.Sdk.Web">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><InvariantGlobalization>true</InvariantGlobalization>
            <RuntimeIdentifier>linux-x64</RuntimeIdentifier><SelfContained>true</SelfContained><PublishSingleFile>true</PublishSingleFile>
            <PublishReadyToRun>true</PublishReadyToRun><PublishReadyToRunComposite>true</PublishReadyToRunComposite>
          </PropertyGroup>
        </Project>
        """;

    private const string BareProgram = """
        var app = WebApplication.CreateSlimBuilder(args).Build();
        app.MapGet("/", () => TypedResults.NoContent());
        app.Run();
        """;

    public static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("fleet-start-").FullName;
        try
        {
            var bareFolder = Directory.CreateDirectory(Path.Combine(folder, "bare")).FullName;
            await File.WriteAllTextAsync(Path.Combine(bareFolder, "bare.csproj"), BareProject);
            await File.WriteAllTextAsync(Path.Combine(bareFolder, "Program.cs"), BareProgram);
            await PublishAsync(bareFolder, Path.Combine(folder, "bare-out"));
            await PublishAsync(Path.Combine(RepositoryRoot.Path, "functions"), Path.Combine(folder, "fleet-out"));
            var (fleet, bare) = (new List<double>(), new List<double>());
            for (var round = 0; round < Rounds; round++)
            {
                var port = Ports.Free();
                fleet.Add(await TimeAsync(Path.Combine(folder, "fleet-out", "fleet"), port, ["serve"], new()
                {
                    ["FUNCTIONS_CUSTOMHANDLER_PORT"] = port.ToString(CultureInfo.InvariantCulture),
                    ["Fleet__Storage__TableEndpoint"] = "https://fleet.table.core.windows.net",
                    ["Fleet__Bus__Namespace"] = "fleet.servicebus.windows.net",
                    ["Fleet__Vault__Uri"] = "https://fleet.vault.azure.net",
                }));
                port = Ports.Free();
                bare.Add(await TimeAsync(Path.Combine(folder, "bare-out", "bare"), port, ["--urls", $"http://127.0.0.1:{port}"], []));
            }

            var (ours, theirs) = (Median(fleet), Median(bare));
            Console.WriteLine(FormattableString.Invariant($"start to first answer, median of {Rounds}: fleet {ours:0} ms, bare Kestrel {theirs:0} ms, ratio {ours / theirs:0.00}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task PublishAsync(string project, string output)
    {
        Console.WriteLine($"dotnet publish {Path.GetFileName(project)} …");
        using var publish = Process.Start(new ProcessStartInfo("dotnet", ["publish", project, "--configuration", "Release", "--output", output, "--nologo"]) { RedirectStandardOutput = true })!;
        var text = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        if (publish.ExitCode != 0) throw new InvalidOperationException(text);
    }

    private static async Task<double> TimeAsync(string program, int port, string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = Path.GetTempPath(), RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start)!;
        try
        {
            while (!await AnswersAsync(port))
            {
                if (process.HasExited) throw new InvalidOperationException(await process.StandardError.ReadToEndAsync());
                await Task.Delay(1);
            }

            return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            var stream = client.GetStream();
            await stream.WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            return await stream.ReadAsync(new byte[64]) > 0;
        }
        catch (Exception fault) when (fault is SocketException or IOException)
        {
            return false;
        }
    }

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
}
