using Fleet.Storage;
using Microsoft.Extensions.Logging.Console;

namespace Fleet.Hosting;

/// <summary>The rooms without a server: for commands that work on a store, beside a running server if there is one.</summary>
internal static class Workbench
{
    /// <summary>The program's version.</summary>
    public static string Version => typeof(Workbench).Assembly.GetName().Version!.ToString(3);

    /// <exception cref="SettingsException">The settings are wrong.</exception>
    public static Settings Read(IReadOnlyDictionary<string, string?> overrides) => Settings.Read(new ConfigurationBuilder()
        .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
        .AddEnvironmentVariables()
        .AddInMemoryCollection(overrides)
        .Build());

    /// <param name="overrides">Settings that win over the environment and appsettings.json.</param>
    /// <param name="ct">Stops it.</param>
    /// <param name="isRepair">Whether store and secrets fit together is not asked: the command is there to mend it.</param>
    /// <exception cref="SettingsException">The settings are wrong, or there is no server's data where they say.</exception>
    public static async Task<ServiceProvider> OpenAsync(IReadOnlyDictionary<string, string?> overrides, CancellationToken ct, bool isRepair = false)
    {
        var settings = Read(overrides);
        var folder = new DataFolder(settings.Data);
        if (settings.Backends.IsEmbedded)
        {
            if (folder.IsNew) throw new SettingsException($"There is no server's data at {folder.Path}: name its folder with --data, or start the server once ('fleet serve').");
            folder.Make();
        }

        var services = new ServiceCollection()
            .AddSingleton<ConsoleFormatter, PlainConsole>()
            .AddLogging(log => log.AddConsole(console => (console.LogToStandardErrorThreshold, console.FormatterName) = (LogLevel.Trace, PlainConsole.FormatterName)).SetMinimumLevel(LogLevel.Warning))
            .AddRooms(settings)
            .AddSingleton<FirstStart>()
            .BuildServiceProvider();
        if (!isRepair) await services.GetRequiredService<FirstStart>().PrepareAsync(ct);
        await services.GetRequiredService<ChangeFeed>().LookAsync(ct);
        return services;
    }
}
