namespace Fleet.Alerts;

/// <summary>What people call this server, for links in messages; null where that is not set.</summary>
internal sealed record AlertSite(Uri? Url);
