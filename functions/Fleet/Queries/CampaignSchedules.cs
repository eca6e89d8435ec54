using System.Text.Json;
using System.Text.Json.Serialization;
using Fleet.Kernel;
using Fleet.Storage;

namespace Fleet.Queries;

/// <summary>Questions that are asked again and again. Table: <see cref="Schema.CampaignSchedules"/>.</summary>
internal sealed class CampaignSchedules(ITables tables, ChangeFeed changes, CampaignStore campaigns, Limits limits, TimeProvider clock)
{
    /// <summary>How long somebody may take to start a run. Then it died over it, and another does.</summary>
    private static readonly TimeSpan s_starting = TimeSpan.FromMinutes(5);

    /// <summary>A last run that is further ahead was written by a clock that was wrong.</summary>
    private static readonly TimeSpan s_ahead = TimeSpan.FromHours(1);

    public ControlTable<CampaignSchedule> Table { get; } = new(tables, changes, Schema.CampaignSchedules, Read, Write);

    /// <summary>The chore: starts what is due. On any number of instances, each run is started once.</summary>
    public async ValueTask StartDueAsync(CancellationToken ct)
    {
        foreach (var stored in Table.Current.ByName.Values.Where(stored => stored.Item.Enabled))
        {
            try
            {
                await StartDueAsync(stored, clock.GetUtcNow(), ct);
            }
            catch (ConflictException)
            {
                // Another instance was faster, or a person changed it: the next look sees what it is then.
            }
        }
    }

    private async ValueTask StartDueAsync(Stored<CampaignSchedule> stored, DateTimeOffset now, CancellationToken ct)
    {
        var (name, schedule, etag) = stored;
        if (schedule.LastRun > now + s_ahead || schedule.From > now + s_ahead)
        {
            await Table.PutAsync(name, schedule with { From = now, LastRun = null, StartingSince = null, HasRun = false }, etag, ct);
            return;
        }

        if (schedule.StartingSince is { } since)
        {
            if (now - since > s_starting) await StartAsync(name, schedule, schedule.LastRun!.Value, etag, now, ct);
            return;
        }

        if (schedule.DueAt(now) is { } due) await StartAsync(name, schedule, due, etag, now, ct);
    }

    /// <summary>Takes the run first, so that no other instance starts it, and notes when it is started.</summary>
    private async ValueTask StartAsync(string name, CampaignSchedule schedule, DateTimeOffset run, string etag, DateTimeOffset now, CancellationToken ct)
    {
        var taken = schedule with { LastRun = run, StartingSince = now, HasRun = false };
        etag = await Table.PutAsync(name, taken, etag, ct);
        var isTooMany = campaigns.Active.ByName.Count >= limits.ActiveCampaigns;
        if (!isTooMany && await campaigns.FindAsync(taken.RunId(run), ct) is null) await campaigns.StartAsync(taken.RunOf(run, now), ct);
        await Table.PutAsync(name, taken with { StartingSince = null, HasRun = !isTooMany, Fault = isTooMany ? $"{limits.ActiveCampaigns} campaigns were active already." : null }, etag, ct);
    }

    private static CampaignSchedule Read(Columns columns) => JsonSerializer.Deserialize(Compression.Unpack(columns.AllBytes("Json")), CampaignScheduleJson.Default.StoredSchedule)!.ToSchedule();

    private static Columns Write(CampaignSchedule schedule) =>
        new Columns().WithBytes("Json", Compression.Pack(JsonSerializer.SerializeToUtf8Bytes(StoredSchedule.Of(schedule), CampaignScheduleJson.Default.StoredSchedule)));

    /// <summary>A schedule with its nodes as text.</summary>
    internal sealed record StoredSchedule(CampaignSchedule Schedule, IReadOnlyList<string> Nodes)
    {
        public static StoredSchedule Of(CampaignSchedule schedule) => new(schedule with { Targets = schedule.Targets with { Nodes = [] } }, schedule.Targets.NodeTexts);

        public CampaignSchedule ToSchedule() => Schedule with { Targets = Schedule.Targets.WithNodes(Nodes) };
    }
}

[JsonSerializable(typeof(CampaignSchedules.StoredSchedule))]
internal sealed partial class CampaignScheduleJson : JsonSerializerContext;
