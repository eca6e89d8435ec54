using System.Diagnostics;
using Fleet.EndToEnd;
using Fleet.Shared;

namespace Fleet.Benchmarks;

/// <summary>From the start of the process to its first answer through the Functions host: this program as an isolated worker, and a bare one that is published the same way.</summary>
internal static class StartBench
{
    private const int Rounds = 11;

    private const string BareProject = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><InvariantGlobalization>true</InvariantGlobalization><OutputType>Exe</OutputType>
            <AzureFunctionsVersion>v4</AzureFunctionsVersion><RuntimeIdentifier>linux-x64</RuntimeIdentifier><SelfContained>false</SelfContained><PublishReadyToRun>true</PublishReadyToRun>
            <ServerGarbageCollection>false</ServerGarbageCollection><ManagePackageVersionsCentrally>false</ManagePackageVersionsCentrally>
          </PropertyGroup>
          <ItemGroup>
            <FrameworkReference Include="Microsoft.AspNetCore.App" />
            <PackageReference Include="Microsoft.Azure.Functions.Worker" Version="2.52.0" />
            <PackageReference Include="Microsoft.Azure.Functions.Worker.Sdk" Version="2.1.0" />
            <PackageReference Include="Microsoft.Azure.Functions.Worker.Extensions.Http" Version="3.3.0" />
            <PackageReference Include="Microsoft.Azure.Functions.Worker.Extensions.Http.AspNetCore" Version="2.1.1" />
            <None Include="host.json" CopyToPublishDirectory="PreserveNewest" />
          </ItemGroup>
          <Target Name="AllowNewerHostExtensions" BeforeTargets="_WorkerExtensionsRestore;_WorkerExtensionsBuild">
            <PropertyGroup><_FunctionsExtensionCommonProps>$(_FunctionsExtensionCommonProps);NoWarn=NU1603</_FunctionsExtensionCommonProps></PropertyGroup>
          </Target>
        </Project>
        """;

    private const string BareProgram = """
        using Microsoft.AspNetCore.Http;
        using Microsoft.Azure.Functions.Worker;
        using Microsoft.Azure.Functions.Worker.Builder;
        using Microsoft.Extensions.Hosting;
        var worker = FunctionsApplication.CreateBuilder(args);
        worker.ConfigureFunctionsWebApplication();
        worker.Build().Run();
        public sealed class Bare
        {
            [Function("Bare")]
            public Task Run([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "{*path}")] HttpRequest request) => request.HttpContext.Response.WriteAsync("{}");
        }
        """;

    public static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("fleet-start-").FullName;
        try
        {
            var bareFolder = Directory.CreateDirectory(Path.Combine(folder, "bare")).FullName;
            await File.WriteAllTextAsync(Path.Combine(bareFolder, "bare.csproj"), BareProject);
            await File.WriteAllTextAsync(Path.Combine(bareFolder, "Program.cs"), BareProgram);
            File.Copy(Path.Combine(RepositoryRoot.Path, "host.json"), Path.Combine(bareFolder, "host.json"));
            await PublishAsync(bareFolder, Path.Combine(folder, "bare-out"));
            await PublishAsync(Path.Combine(RepositoryRoot.Path, "functions", "Fleet.Functions"), Path.Combine(folder, "fleet-out"));
            var (fleet, bare) = (new List<Start>(), new List<Start>());
            for (var round = 0; round < Rounds; round++)
            {
                fleet.Add(await TimeAsync(Path.Combine(folder, "fleet-out"), new()
                {
                    ["Fleet__Storage__TableEndpoint"] = "https://fleet.table.core.windows.net",
                    ["Fleet__Bus__Namespace"] = "fleet.servicebus.windows.net",
                    ["Fleet__Vault__Uri"] = "https://fleet.vault.azure.net",
                }));
                bare.Add(await TimeAsync(Path.Combine(folder, "bare-out"), []));
            }

            Console.WriteLine(FormattableString.Invariant($"start to first answer, median of {Rounds}: fleet {Median(fleet, start => start.Milliseconds):0} ms with {Median(fleet, start => start.Processor):0} ms of CPU and {Median(fleet, start => start.Megabytes):0} MB,"));
            Console.WriteLine(FormattableString.Invariant($"bare worker {Median(bare, start => start.Milliseconds):0} ms with {Median(bare, start => start.Processor):0} ms of CPU and {Median(bare, start => start.Megabytes):0} MB; ratio of times {Median(fleet, start => start.Milliseconds) / Median(bare, start => start.Milliseconds):0.00}"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task PublishAsync(string project, string output)
    {
        Console.WriteLine($"dotnet publish {Path.GetFileName(project)} …");
        using var publish = Process.Start(new ProcessStartInfo("dotnet", ["publish", project, "--configuration", "Release", "--output", output, "--nologo", "-p:ServiceBusExtension=false"]) { RedirectStandardOutput = true })!;
        var text = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        if (publish.ExitCode != 0) throw new InvalidOperationException(text);
    }

    private static async Task<Start> TimeAsync(string folder, Dictionary<string, string> settings)
    {
        foreach (var name in new[] { "EvaluateRules", "ForwardResults", "SendAlerts", "Upkeep" }) settings[$"AzureWebJobs.{name}.Disabled"] = "true";
        var began = Stopwatch.GetTimestamp();
        await using var host = await FakeHost.StartAsync(folder, settings, bus: null, _ => { });
        using var http = new HttpClient(TestCertificate.Instance.NewHandler()) { BaseAddress = host.Url };
        using var answer = await http.PostAsync(new Uri("/nothing", UriKind.Relative), new StringContent("{}"));
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        if ((await answer.Content.ReadAsStringAsync()).Length == 0) throw new InvalidOperationException("The answer is empty.");
        var (processor, memory) = host.Worker.Usage;
        return new(took, processor.TotalMilliseconds, memory / 1e6);
    }

    private static double Median(List<Start> starts, Func<Start, double> of) => starts.Select(of).Order().ElementAt(starts.Count / 2);

    private readonly record struct Start(double Milliseconds, double Processor, double Megabytes);
}
