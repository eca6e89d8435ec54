using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;

namespace Fleet.Manager;

/// <summary>An answer that a reader found.</summary>
/// <param name="ReadAt">When the read began.</param>
/// <param name="Event">As it is sent; null when there was no place for it.</param>
internal sealed record FoundAnswer(NodeId Node, DateTimeOffset AnsweredAt, DateTimeOffset ReadAt, string? Event);

/// <summary>What a reader knows.</summary>
/// <param name="Answers">In the order in which they were found.</param>
internal sealed record WatchState(CampaignCounts Counts, IReadOnlyList<FoundAnswer> Answers, bool IsOver);

/// <summary>Reads a campaign's answers once a second, or as often as their number allows, for all who watch it, as long as anybody does.</summary>
internal sealed class CampaignReader
{
    /// <summary>Bytes of events that are kept for those who watch. Beyond it each watcher reads for itself.</summary>
    private const int MostKept = 32 << 20;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly string _id;
    private readonly CampaignStore _campaigns;
    private readonly AnswerStore _store;
    private readonly DeviceLinks _links;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<NodeId> _found = [];
    private readonly List<FoundAnswer> _answers = [];
    private volatile TaskCompletionSource<WatchState> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile WatchState? _newest;
    private long _kept;

    public CampaignReader(string id, CampaignStore campaigns, AnswerStore store, DeviceLinks links, TimeProvider clock)
    {
        (_id, _campaigns, _store, _links, _clock) = (id, campaigns, store, links, clock);

        // Not on the thread of whoever came first: that one holds the lock of all readers.
        _ = Task.Run(RunAsync);
    }

    /// <summary>Under the lock of all readers.</summary>
    public int Watchers { get; set; }

    public bool HasFailed => _next.Task.IsFaulted;

    public void Stop() => _stop.Cancel();

    public async ValueTask<WatchState> NewestAsync(CancellationToken ct) => _newest ?? await _next.Task.WaitAsync(ct);

    /// <summary>Waits until there is something newer.</summary>
    public async ValueTask ChangedAsync(WatchState known, CancellationToken ct)
    {
        var next = _next;
        if (ReferenceEquals(_newest, known)) await next.Task.WaitAsync(ct);
    }

    /// <summary>An answer as it is sent. Of a large one only the link is.</summary>
    public static string Event(Answer answer, bool lacksRows, string campaign, DeviceLinks links) => JsonSerializer.Serialize(
        CampaignAnswersApi.Body(lacksRows ? answer with { Error = $"its rows are large: see /api/campaigns/{campaign}/answers/{answer.Node}" } : answer, links), ManagerJson.Strict.AnswerBody);

    private async Task RunAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                var began = _clock.GetTimestamp();
                Publish(await ReadAsync());

                // Reading takes a tenth of the time at most.
                var pause = 9 * _clock.GetElapsedTime(began);
                await Task.Delay(pause > s_pause ? pause : s_pause, _clock, _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            _next.TrySetCanceled();
        }
        catch (Exception fault)
        {
            // Whoever watches is told by a stream that ends, and comes back.
            _next.TrySetException(fault);
            _ = _next.Task.Exception;
        }
    }

    private async ValueTask<WatchState> ReadAsync()
    {
        // Whether it is over is asked first: what lands during the read is found by the next one.
        var readAt = _clock.GetUtcNow();
        var campaign = await _campaigns.FindAsync(_id, _stop.Token);
        var isOver = campaign?.IsOver(readAt) != false;
        var counts = new long[5];
        var news = new List<FoundAnswer>();
        await foreach (var (answer, lacksRows) in _store.HeadsAsync(_id, _stop.Token))
        {
            counts[(int)answer.State]++;
            if (answer.State is not (AnswerState.Done or AnswerState.Failed) || answer.AnsweredAt is not { } at || !_found.Add(answer.Node)) continue;
            var text = _kept < MostKept ? Event(answer, lacksRows, _id, _links) : null;
            _kept += text is null ? 0 : Encoding.UTF8.GetByteCount(text);
            news.Add(new(answer.Node, at, readAt, text));
        }

        _answers.AddRange(news.OrderBy(found => found.AnsweredAt));
        return new(new(counts.Sum(), counts[0], counts[1], counts[2], counts[3], counts[4]), [.. _answers], isOver || (counts[0] + counts[1] == 0 && !campaign!.IncludesLater));
    }

    private void Publish(WatchState read)
    {
        _newest = read;
        var next = _next;
        _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        next.TrySetResult(read);
    }
}
