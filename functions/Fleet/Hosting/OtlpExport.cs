using System.Diagnostics;
using Fleet.Kernel;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fleet.Hosting;

/// <summary>Sends metrics and traces by OTLP where OpenTelemetry's own variables say where to: <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, and those beside it.</summary>
internal sealed class OtlpExport(IConfiguration configuration) : IHostedService
{
    private const string Client = "System.Net.Http";
    private static readonly string[] s_switches = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];
    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (!s_switches.Any(name => configuration[name] is { Length: > 0 })) return Task.CompletedTask;
        var resource = ResourceBuilder.CreateDefault().AddService("fleet", serviceVersion: typeof(OtlpExport).Assembly.GetName().Version!.ToString(3)).AddEnvironmentVariableDetector();
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Telemetry.Name, "Microsoft.AspNetCore", Client).AddProcessor(new NoSecrets()).AddOtlpExporter().Build();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Telemetry.Name, "Microsoft.AspNetCore.Hosting", "System.Net.Http", "System.Runtime").AddOtlpExporter().Build();
        return Task.CompletedTask;
    }

    /// <summary>What is not sent yet is sent now.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _traces?.Dispose();
        _metrics?.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>The path of a webhook is its secret.</summary>
    private sealed class NoSecrets : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity data)
        {
            if (data.Source.Name == Client && data.GetTagItem("url.full") is string url) data.SetTag("url.full", Uri.TryCreate(url, UriKind.Absolute, out var parsed) ? parsed.GetLeftPart(UriPartial.Authority) : null);
        }
    }
}
