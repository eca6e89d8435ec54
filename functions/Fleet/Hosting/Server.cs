using System.Net;
using System.Security.Authentication;
using Fleet.Agents;
using Fleet.Kernel;
using Fleet.Manager;
using Fleet.Portal;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging.Console;

namespace Fleet.Hosting;

/// <summary>The server on one machine: agents, people, and what goes on in the background.</summary>
internal static class Server
{
    /// <summary>Makes a server that is ready to start.</summary>
    /// <param name="overrides">Settings that win over the environment and appsettings.json, such as <c>Fleet:Url</c>.</param>
    /// <param name="ct">Stops what is made before it starts.</param>
    /// <param name="functionsHost">What hands over the requests that the Functions host gets; null for a server that listens by itself.</param>
    /// <exception cref="SettingsException">The settings are wrong.</exception>
    public static async Task<WebApplication> BuildAsync(IReadOnlyDictionary<string, string?> overrides, CancellationToken ct, IServer? functionsHost = null)
    {
        NativeHeap.LimitArenas();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddInMemoryCollection(overrides);
        var settings = Settings.Read(builder.Configuration, isFunctionsApp: functionsHost is not null);
        var folder = new DataFolder(settings.Data);
        if (settings.Backends.IsEmbedded || settings.MakesCertificate) folder.Make();
        if (settings.MakesCertificate) await Certificates.EnsureAsync(folder, settings.Http.Url, ct);

        // Alerts have standard output to themselves.
        builder.Services.AddSingleton<ConsoleFormatter, PlainConsole>();
        builder.Logging.AddConsole(console => console.FormatterName = PlainConsole.FormatterName);
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Fleet.Manager.SignIn", LogLevel.Warning);

        // That the host cannot start is told in one line by whoever started it.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        // Session keys lie with the other secrets; the warning that they are not encrypted once more says nothing new.
        builder.Logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        builder.Services.AddRooms(settings).AddSingleton<FirstStart>().AddSignIn(settings.Auth, new(settings.Outbound.Allow)).AddApiDocs().AddHostedService<NativeHeap>().AddHostedService<Background>().AddTelemetryExport(builder.Configuration);
        builder.Services.AddResponseCompression(compression =>
        {
            // No secret stands beside what a stranger can choose: those that are shown once are asked for by POST, with a header that no other site can set.
            compression.EnableForHttps = true;
            compression.MimeTypes = ["application/json", "application/problem+json", Export.Ndjson, Export.Csv];
        });
        builder.Services.AddDataProtection().SetApplicationName("fleet");
        builder.Services.AddOptions<KeyManagementOptions>().Configure<SessionKeys>((keys, repository) => keys.XmlRepository = repository);
        ReadSessionKeysLater(builder.Services);
        builder.Services.ConfigureHttpJsonOptions(json => ManagerJson.Configure(json.SerializerOptions));
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
        var connections = new ConnectionLimit(settings.Limits, settings.Http.TrustedProxies.Select(Proxies.Parse), TimeProvider.System);
        builder.Services.AddSingleton(connections);
        if (functionsHost is null) builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listen(kestrel, settings, folder, connections));
        else builder.Services.AddSingleton(functionsHost).AddSingleton<IHostLifetime, WorkerLifetime>();

        var app = builder.Build();
        app.Services.GetRequiredService<Kernel.MetricsBoard>();
        ConnectionLimit.Note(app);

        // Before the guard: behind a proxy that speaks TLS the request is HTTPS too.
        if (settings.Http.TrustedProxies.Count > 0) app.UseForwardedHeaders(Proxies.Options(settings.Http.TrustedProxies));
        if (settings.IsFunctionsApp) app.Use(FrontEnd.ReadAsync);
        app.Use(GuardAsync);
        if (!settings.IsFunctionsApp) await app.Services.GetRequiredService<FirstStart>().PrepareAsync(ct);
        app.UseAgents(settings.Agents);
        if (settings.IsFunctionsApp) app.UsePreparation();
        if (settings.Manager) app.UsePortal();
        app.UseManager();
        app.UseRouting();
        app.UseManagerSignIn();
        app.MapHealth();
        if (settings.Manager) app.MapManager();
        app.MapPortal(isServed: settings.Manager, AgentEndpoint.UnknownAsync);
        return app;
    }

    /// <summary>Headers of every answer: nobody guesses types, and over TLS a browser comes back by TLS alone. Not on this machine's own names, whose other ports it would hold for too.</summary>
    private static Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        var host = context.Request.Host.Host;
        if (context.Request.IsHttps && host != "localhost" && !IPAddress.TryParse(host.Trim('[', ']'), out _)) context.Response.Headers.StrictTransportSecurity = "max-age=31536000";
        return next(context);
    }

    /// <summary>Where the server listens, once it has started; the port is the real one.</summary>
    public static Uri AddressOf(WebApplication app)
    {
        var settings = app.Services.GetRequiredService<Settings>();
        var bound = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()
            .Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal));
        return new UriBuilder(settings.Http.Url) { Port = bound.Port }.Uri;
    }

    /// <summary>Preparation at the first request of people's: where there is a Functions host, nothing is asked of the network before.
    /// Agents never come here: under the API's path too, they are answered already.</summary>
    private static void UsePreparation(this WebApplication app)
    {
        var first = app.Services.GetRequiredService<FirstStart>();
        app.UseWhen(context => context.Request.Path.StartsWithSegments("/api") || context.Request.Path.StartsWithSegments("/healthz"), manager =>
        {
            manager.Use(Problem.CatchAsync);
            manager.Use(async (context, next) =>
            {
                await first.EnsureAsync(context.RequestAborted);
                await next(context);
            });
        });
    }

    /// <summary>ASP.NET would read the keys before the server listens.</summary>
    private static void ReadSessionKeysLater(IServiceCollection services)
    {
        foreach (var early in services.Where(service => service.ImplementationType?.Name == "DataProtectionHostedService").ToList()) services.Remove(early);
    }

    /// <summary>Agents are answered before anything else looks at the request; where they are switched off, by a refusal that they understand.</summary>
    private static void UseAgents(this WebApplication app, bool areServed)
    {
        var endpoint = app.Services.GetRequiredService<AgentEndpoint>();
        app.Use(next => context =>
        {
            var call = AgentPaths.CallOf(context.Request.Path.Value ?? "/", out var isOurs);
            if (call is null && !isOurs) return next(context);
            if (areServed) return endpoint.HandleAsync(context, call);
            return HttpMethods.IsGet(context.Request.Method) ? next(context) : AgentEndpoint.UnknownAsync(context);
        });
    }

    private static void Listen(KestrelServerOptions kestrel, Settings all, DataFolder folder, ConnectionLimit connections)
    {
        var settings = all.Http;
        kestrel.AddServerHeader = false;

        // Agents' bodies have a limit of their own, which answers in JSON; Kestrel's answers with nothing, which agents take for success.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.RequestHeadersTimeout = all.Limits.HeaderTime;
        var url = settings.Url;
        if (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address)) kestrel.Listen(address, url.Port, Options);
        else if (url.Scheme == "http" && !settings.AllowPlain) kestrel.ListenLocalhost(url.Port, Options);
        else kestrel.ListenAnyIP(url.Port, Options);

        void Options(ListenOptions listen)
        {
            connections.Use(listen);
            if (url.Scheme == "https") listen.UseHttps(Tls());
            ConnectionLimit.GuardAnswers(listen);
        }

        HttpsConnectionAdapterOptions Tls()
        {
            var (certificate, chain) = Certificates.Load(settings.Certificate ?? folder.Certificate, settings.CertificateKey ?? folder.CertificateKey);
            var hasClientCertificates = all.Certificates.Authorities is not null;
            return new()
            {
                HandshakeTimeout = all.Limits.HeaderTime,
                ServerCertificate = certificate,
                ServerCertificateChain = chain,
                SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                OnAuthenticate = (_, tls) => tls.CipherSuitesPolicy = TlsSuites.Incoming(hasClientCertificates),

                // Asked for where agents have some, and judged with the request: a refusal here would be a broken connection without a word.
                ClientCertificateMode = hasClientCertificates ? ClientCertificateMode.AllowCertificate : ClientCertificateMode.NoCertificate,
                ClientCertificateValidation = (_, _, _) => true,
            };
        }
    }
}
