using System.Diagnostics;
using Azure.Core;
using Azure.Monitor.OpenTelemetry.Exporter;
using Fleet.Kernel;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fleet.Hosting;

/// <summary>Sends metrics and traces where OpenTelemetry's own variables say (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, and those beside it), and to Application Insights
/// where its own does (<c>APPLICATIONINSIGHTS_CONNECTION_STRING</c>). With neither nothing of it runs.</summary>
internal static class TelemetryExport
{
    private const string Client = "System.Net.Http";
    private const string InsightsConnection = "APPLICATIONINSIGHTS_CONNECTION_STRING";
    private const string InsightsAuthentication = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING";
    private static readonly string[] s_collectors = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    public static IServiceCollection AddTelemetryExport(this IServiceCollection services, IConfiguration configuration)
    {
        var hasCollector = s_collectors.Any(name => configuration[name] is { Length: > 0 });
        var hasInsights = configuration[InsightsConnection] is { Length: > 0 };
        if (!hasCollector && !hasInsights) return services;
        if (hasInsights)
        {
            if (!configuration[InsightsConnection]!.Contains("InstrumentationKey=", StringComparison.OrdinalIgnoreCase)) throw new SettingsException($"{InsightsConnection}: it holds no InstrumentationKey=…");
            AddInsights(services, configuration);
        }

        services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("fleet", serviceVersion: typeof(TelemetryExport).Assembly.GetName().Version!.ToString(3)).AddEnvironmentVariableDetector())
            .WithTracing(traces =>
            {
                traces.AddSource(Telemetry.Name, "Microsoft.AspNetCore", Client).AddProcessor(new NoSecrets());
                if (hasCollector) traces.AddOtlpExporter();
                if (hasInsights) traces.AddAzureMonitorTraceExporter();
            })
            .WithMetrics(metrics =>
            {
                metrics.AddMeter(Telemetry.Name);
                if (hasCollector) metrics.AddMeter("Microsoft.AspNetCore.Hosting", Client, "System.Runtime").AddOtlpExporter();

                // Each number is a row there each minute, and is paid for: kinds of operations are told, not each table's. A view holds for all exporters.
                if (hasInsights && !hasCollector) metrics.AddView("fleet.storage.operations", new MetricStreamConfiguration { TagKeys = ["kind"] });
                if (hasInsights) metrics.AddAzureMonitorMetricExporter();
            });
        return services;
    }

    private static void AddInsights(IServiceCollection services, IConfiguration configuration)
    {
        var byIdentity = configuration[InsightsAuthentication]?.Contains("Authorization=AAD", StringComparison.OrdinalIgnoreCase) == true;
        services.AddOptions<AzureMonitorExporterOptions>().Configure<IServiceProvider>((options, provider) =>
        {
            options.ConnectionString = configuration[InsightsConnection];
            if (byIdentity) options.Credential = provider.GetRequiredService<TokenCredential>();

            // Each item is paid for: one trace a second says enough of calls that are alike.
            options.TracesPerSecond = 1;

            // What could not be sent is not kept in files, which may be nobody's to write.
            options.DisableOfflineStorage = true;
            options.EnablePerformanceCounters = false;
        });
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
