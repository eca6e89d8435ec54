namespace Fleet.Functions;

/// <summary>In which order the worker's parts start. They stop the other way round.</summary>
internal static class StartOrder
{
    /// <summary>The host hands over requests as soon as it is greeted, and answers with nothing while the port for them is closed: so it is greeted last.</summary>
    public static void Arrange(IServiceCollection services)
    {
        var greeting = Find(services, "WorkerHostedService");
        services.Remove(greeting);
        services.Add(greeting);

        // Before the port for requests: it stops when the last of them is answered.
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService>(provider => provider.GetRequiredService<FleetApp>()));

        // MVC's, which is not used: it would write a key to disk.
        services.Remove(Find(services, "DataProtectionHostedService"));
    }

    private static ServiceDescriptor Find(IServiceCollection services, string name) =>
        services.Single(service => service.ServiceType == typeof(IHostedService) && service.ImplementationType?.Name == name);
}
