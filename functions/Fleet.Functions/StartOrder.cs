namespace Fleet.Functions;

/// <summary>In which order the worker's parts start.</summary>
internal static class StartOrder
{
    /// <summary>The host hands over requests as soon as it is greeted, and answers with nothing while the port for them is closed: so it is greeted last.</summary>
    public static void Arrange(IServiceCollection services)
    {
        var greeting = Find(services, "WorkerHostedService");
        services.Remove(greeting);
        services.Add(greeting);

        // MVC's, which is not used: it would write a key to disk.
        services.Remove(Find(services, "DataProtectionHostedService"));
    }

    private static ServiceDescriptor Find(IServiceCollection services, string name) =>
        services.Single(service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Name == name);
}
