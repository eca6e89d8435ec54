using System.Collections.Concurrent;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Fleet.Queries;
using Fleet.Nodes;
using Microsoft.Extensions.Primitives;

namespace Fleet.Manager;

/// <summary>Lets any number of people watch a campaign for the price of one reader.</summary>
internal sealed class CampaignWatch(CampaignStore campaigns, AnswerStore answers, DeviceLinks links, TimeProvider clock)
{
    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(3);

    /// <summary>How far instances' clocks may be apart.</summary>
    private static readonly TimeSpan s_overlap = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, CampaignReader> _readers = new(StringComparer.Ordinal);

    /// <summary>Events: <c>counts</c> whenever they change, <c>answer</c> for each answer once, <c>end</c> when nothing more can come.</summary>
    /// <param name="id">The campaign.</param>
    /// <param name="lastEventId">What the caller had last: what came before is not sent again, save for some seconds around it.</param>
    /// <param name="ct">The caller went away.</param>
    public async IAsyncEnumerable<SseItem<string>> WatchAsync(string id, StringValues lastEventId, [EnumeratorCancellation] CancellationToken ct)
    {
        var reader = Join(id);
        try
        {
            var began = clock.GetTimestamp();
            var known = ReadPosition(lastEventId);
            var next = 0;
            CampaignCounts? told = null;
            while (clock.GetElapsedTime(began) < s_life)
            {
                var state = await reader.NewestAsync(ct);
                for (; next < state.Answers.Count; next++)
                {
                    var found = state.Answers[next];
                    if (found.AnsweredAt <= known - s_overlap) continue;
                    if ((found.Event ?? await ReadAsync(id, found, ct)) is { } text) yield return new(text, "answer") { EventId = Position(found) };
                }

                if (state.Counts != told) yield return new(JsonSerializer.Serialize(told = state.Counts, ManagerJson.Strict.CampaignCounts), "counts");
                if (state.IsOver)
                {
                    yield return new("{}", "end");
                    yield break;
                }

                await reader.ChangedAsync(state, ct);
            }
        }
        finally
        {
            Leave(id, reader);
        }
    }

    /// <summary>An answer that the reader had no place for; null if it is gone.</summary>
    private async ValueTask<string?> ReadAsync(string id, FoundAnswer found, CancellationToken ct) => await answers.FindAsync(id, found.Node, ct) is var (answer, _)
        ? CampaignReader.Event(answer, lacksRows: answer.Rows.Length <= 2 && answer.State == AnswerState.Done, id, links)
        : null;

    private CampaignReader Join(string id)
    {
        lock (_readers)
        {
            // One that failed leads nowhere; those who wait for it are told.
            if (!_readers.TryGetValue(id, out var reader) || reader.HasFailed) _readers[id] = reader = new(id, campaigns, answers, links, clock);
            reader.Watchers++;
            return reader;
        }
    }

    private void Leave(string id, CampaignReader reader)
    {
        lock (_readers)
        {
            if (--reader.Watchers > 0) return;
            _readers.TryRemove(KeyValuePair.Create(id, reader));
        }

        reader.Stop();
    }

    /// <summary>Until when everything was sent: answers of one read are sent in their order, and what came after the read began may have been missed by it.</summary>
    private static string Position(FoundAnswer found) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Min(found.AnsweredAt.UtcTicks, found.ReadAt.UtcTicks)}-{found.Node}");

    private static DateTimeOffset? ReadPosition(StringValues id) =>
        id.ToString().Split('-') is [var ticks, _] && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at is > 0 and < 3_155_378_975_999_999_999
            ? new(at, TimeSpan.Zero)
            : null;
}
