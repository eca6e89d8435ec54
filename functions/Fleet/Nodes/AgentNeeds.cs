namespace Fleet.Nodes;

/// <param name="For">What does not work without it.</param>
/// <param name="Text">What to do, in words.</param>
/// <param name="Flags">Flags to add, if any.</param>
internal sealed record AgentNeed(string For, string Text, IReadOnlyList<string> Flags);

/// <summary>What a platform needs beside the flags that are the same everywhere. None of it is on by itself: each costs something, or asks the machine's owner.</summary>
internal static class AgentNeeds
{
    public static IReadOnlyList<AgentNeed> Of(string platform) => platform switch
    {
        "linux" =>
        [
            new("Process and socket events", "Let osquery read the kernel's audit log, and stop auditd, which would take it.", ["--disable_audit=false", "--audit_allow_config=true", "--audit_persist=true"]),
            new("The same without audit", "On kernels with BPF (x86-64, from 4.18 on).", ["--enable_bpf_events=true"]),
        ],
        "darwin" =>
        [
            new("Files of people, browsers and Mail", "Give osqueryd Full Disk Access: by hand under Privacy & Security, or by a profile of your device management. Without it, tables and carves leave out protected folders, and say nothing.", []),
            new("Process events", "EndpointSecurity needs osquery's own signed package, and Full Disk Access too.", ["--disable_endpointsecurity=false"]),
        ],
        "windows" =>
        [
            new("Changes to files", "The NTFS journal is switched on by the flags above; paths in the configuration are written as C:\\Users\\%\\…", []),
            new("Events of the Windows log", "Name the channels that are wanted.", ["--enable_windows_events_publisher=true", "--enable_windows_events_subscriber=true", "--windows_event_channels=System,Application,Security"]),
            new("PowerShell scripts", "Switch on script block logging by group policy first.", ["--enable_powershell_events_subscriber=true"]),
        ],
        _ => [],
    };
}
