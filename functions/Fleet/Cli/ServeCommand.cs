using System.CommandLine;
using System.Net.Sockets;
using Fleet.Hosting;
using Fleet.Nodes;
using Fleet.Portal;

namespace Fleet.Cli;

/// <summary><c>fleet serve</c>: the server, until Ctrl-C.</summary>
internal static class ServeCommand
{
    public static Command Build()
    {
        var command = new Command("serve", "Start the server. This is what fleet does when no command is given.") { Shared.Url };
        command.SetAction(RunAsync);
        return command;
    }

    public static Task<int> RunAsync(ParseResult parsed, CancellationToken ct) => RunAsync(Shared.Overrides(parsed), (_, _) => Task.CompletedTask, ct);

    /// <summary>Serves, and does something beside it once the server answers.</summary>
    public static Task<int> RunAsync(IReadOnlyDictionary<string, string?> overrides, Func<WebApplication, CancellationToken, Task> beside, CancellationToken ct) =>
        Shared.GuardAsync(async () =>
        {
            await using var app = await Server.BuildAsync(overrides, ct);
            var first = app.Services.GetRequiredService<FirstStart>();
            await StartAsync(app, ct);

            // Once it listens: a password that was made, and never shown, would be lost.
            await WelcomeAsync(app, first, await first.EnsureAdminAsync(ct), ct);

            // The signal stops the host; then what goes on beside it is told.
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, app.Lifetime.ApplicationStopping);
            var running = beside(app, stop.Token);
            await using var signal = ct.Register(app.Lifetime.StopApplication);
            await app.WaitForShutdownAsync(CancellationToken.None);
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Console.WriteLine("Stopped.");
            return 0;
        });

    /// <exception cref="SettingsException">It cannot listen where it is to.</exception>
    private static async Task StartAsync(WebApplication app, CancellationToken ct)
    {
        try
        {
            await app.StartAsync(ct);
        }
        catch (Exception fault) when ((fault as SocketException ?? fault.InnerException as SocketException ?? fault.InnerException?.InnerException as SocketException) is { } refused)
        {
            throw new SettingsException(ListenFault(app.Services.GetRequiredService<Settings>().Http.Url, refused.SocketErrorCode));
        }
    }

    public static string ListenFault(Uri url, SocketError code) => code switch
    {
        SocketError.AccessDenied => $"Port {url.Port} may be listened on by root alone. Take one above 1023 (--url {url.Scheme}://{url.Host}:8443), or allow it: setcap cap_net_bind_service=+ep on the program, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit.",
        SocketError.AddressAlreadyInUse => $"Something listens on port {url.Port} already, perhaps this server: stop it, or take another port with --url.",
        SocketError.AddressNotAvailable => $"This machine has no address {url.Host}: take one of its own, or 0.0.0.0 for all.",
        _ => $"The server cannot listen on {url.GetLeftPart(UriPartial.Authority)}: {new SocketException((int)code).Message}",
    };

    private static async Task WelcomeAsync(WebApplication app, FirstStart first, string? password, CancellationToken ct)
    {
        var url = Server.AddressOf(app);
        var folder = app.Services.GetRequiredService<DataFolder>();
        var settings = app.Services.GetRequiredService<Settings>();
        Console.WriteLine($"\nFleet listens on {url.GetLeftPart(UriPartial.Authority)}\n");
        if (settings.Backends is { Vault: { } vault }) Console.WriteLine($"  secrets         {vault} ({FirstStart.VaultSecret}, {FirstStart.VaultPassword})");
        string? remark = null;
        if (settings.Backends.IsEmbedded)
        {
            Console.WriteLine($"""
                  data folder     {folder.Path}
                  database        {(settings.Backends is { HasStorage: true, HasBus: true } ? "on Azure" : settings.Backends.HasStorage ? $"on Azure; queues in {folder.Database}" : folder.Database)}
                  signing keys    {(settings.Backends.Vault is null ? folder.Secrets : "in the vault")}
                  enroll secret   {(settings.Backends.Vault is null ? folder.EnrollSecret : "in the vault")}
                  agents' flags   {folder.Flags}
                """);
            if (url.Scheme == "https") Console.WriteLine($"  certificate     {settings.Http.Certificate ?? folder.Certificate}\n  key             {settings.Http.CertificateKey ?? folder.CertificateKey}");
            remark = await first.EnsureFlagsAsync(url, ct);
            if (password is not null) Console.WriteLine($"  admin password  {password}   (user '{FirstStart.AdminName}'; shown this once)");
            if (url.Scheme == "https") Console.WriteLine($"\nStart an agent on this machine:\n  sudo osqueryd --flagfile={folder.Flags}");
        }

        if (settings.Manager && !PortalPages.IsBuilt) Console.WriteLine($"\n{PortalPages.NotBuilt}");
        if (app.Services.GetRequiredService<OwnCertificate>().At(TimeProvider.System.GetUtcNow()) is (false, var words)) Console.WriteLine($"\n{words}");
        if (remark is not null) Console.WriteLine($"\n{remark}");
        Console.WriteLine("\nCtrl-C stops the server.\n");
    }
}
