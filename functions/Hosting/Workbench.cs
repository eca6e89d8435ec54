using Fleet.Storage;

namespace Fleet.Hosting;

/// <summary>The rooms without a server: for commands that work on a store, beside a running server if there is one.</summary>
internal static class Workbench
{
    public static async Task<ServiceProvider> OpenAsync(IReadOnlyDictionary<string, string?> overrides, CancellationToken ct)
    {
        var configuration = new ConfigurationBuilder()
            .AddJsonFile(Path.GetFullPath("appsettings.json"), optional: true)
            .AddEnvironmentVariables()
            .AddInMemoryCollection(overrides)
            .Build();
        var settings = Settings.Read(configuration);
        var folder = new DataFolder(settings.Data);
        if (settings.Backends.IsEmbedded)
        {
            if (folder.IsNew) await Console.Error.WriteLineAsync($"There was no data folder at {folder.Path}; a new one is made. If a server runs, name its folder with --data.");
            folder.Make();
        }

        var services = new ServiceCollection()
            .AddLogging(log => log.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning))
            .AddRooms(settings)
            .AddSingleton<FirstStart>()
            .BuildServiceProvider();
        await services.GetRequiredService<FirstStart>().PrepareAsync(ct);
        await services.GetRequiredService<ChangeFeed>().LookAsync(ct);
        return services;
    }
}
