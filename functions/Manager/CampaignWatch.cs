using System.Collections.Concurrent;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;
using Fleet.Queries;
using Microsoft.Extensions.Primitives;

namespace Fleet.Manager;

/// <summary>Lets any number of people watch a campaign for the price of one reader: while somebody watches, its answers' heads are read once a second, or as
/// often as their number allows.</summary>
internal sealed class CampaignWatch(CampaignStore campaigns, AnswerStore answers, DeviceLinks links, TimeProvider clock)
{
    /// <summary>Rows of an answer that go with its event. Of a larger one only the link does.</summary>
    private const int MostRows = 64 << 10;

    private static readonly TimeSpan s_life = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_overlap = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Reader> _readers = new(StringComparer.Ordinal);

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
                    var head = state.Answers[next];
                    if (head.AnsweredAt <= known - s_overlap) continue;
                    yield return await AnswerAsync(id, head, ct);
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

    private async ValueTask<SseItem<string>> AnswerAsync(string id, AnswerHead head, CancellationToken ct)
    {
        var answer = await answers.FindWholeAsync(id, head.Node, ct) ?? new Answer(head.Node, head.State, null, head.AnsweredAt, null, "[]"u8.ToArray());
        var body = CampaignAnswersApi.Body(answer.Rows.Length > MostRows ? answer with { Rows = "[]"u8.ToArray(), Error = $"{answer.Rows.Length} bytes: see /api/campaigns/{id}/answers/{head.Node}" } : answer, links);
        return new(JsonSerializer.Serialize(body, ManagerJson.Strict.AnswerBody), "answer") { EventId = Position(head) };
    }

    private Reader Join(string id)
    {
        lock (_readers)
        {
            var reader = _readers.GetOrAdd(id, _ => new(token => ReadAsync(id, token), clock));
            reader.Watchers++;
            return reader;
        }
    }

    private void Leave(string id, Reader reader)
    {
        lock (_readers)
        {
            if (--reader.Watchers > 0) return;
            _readers.TryRemove(id, out _);
        }

        reader.Stop();
    }

    private async ValueTask<State> ReadAsync(string id, CancellationToken ct)
    {
        var campaign = await campaigns.FindAsync(id, ct);
        var heads = new List<AnswerHead>();
        await foreach (var head in answers.HeadsAsync(id, ct)) heads.Add(head);
        long Of(AnswerState state) => heads.LongCount(head => head.State == state);
        var counts = new CampaignCounts(heads.Count, Of(AnswerState.New), Of(AnswerState.Sent), Of(AnswerState.Done), Of(AnswerState.Failed), Of(AnswerState.Expired));
        var isOver = campaign is null || campaign.IsOver(clock.GetUtcNow()) || counts.New + counts.Sent == 0;
        return new(counts, [.. heads.Where(head => head.State is AnswerState.Done or AnswerState.Failed && head.AnsweredAt is not null)], isOver);
    }

    private static string Position(AnswerHead head) => string.Create(CultureInfo.InvariantCulture, $"{head.AnsweredAt!.Value.UtcTicks}-{head.Node}");

    private static DateTimeOffset? ReadPosition(StringValues id) =>
        id.ToString().Split('-') is [var ticks, _] && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at is > 0 and < 3_155_378_975_999_999_999
            ? new(at, TimeSpan.Zero)
            : null;

    /// <param name="Answers">In the order in which the reader found them.</param>
    private sealed record State(CampaignCounts Counts, IReadOnlyList<AnswerHead> Answers, bool IsOver);

    /// <summary>Reads for all who watch one campaign, as long as anybody does.</summary>
    private sealed class Reader
    {
        private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

        private readonly CancellationTokenSource _stop = new();
        private readonly HashSet<NodeId> _found = [];
        private readonly List<AnswerHead> _answers = [];
        private readonly Func<CancellationToken, ValueTask<State>> _read;
        private readonly TimeProvider _clock;
        private volatile TaskCompletionSource<State> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile State? _newest;

        public Reader(Func<CancellationToken, ValueTask<State>> read, TimeProvider clock)
        {
            (_read, _clock) = (read, clock);
            _ = RunAsync();
        }

        /// <summary>Under the lock of all readers.</summary>
        public int Watchers { get; set; }

        public void Stop() => _stop.Cancel();

        public async ValueTask<State> NewestAsync(CancellationToken ct) => _newest ?? await _next.Task.WaitAsync(ct);

        /// <summary>Waits until there is something newer.</summary>
        public async ValueTask ChangedAsync(State known, CancellationToken ct)
        {
            var next = _next;
            if (ReferenceEquals(_newest, known)) await next.Task.WaitAsync(ct);
        }

        private async Task RunAsync()
        {
            try
            {
                while (!_stop.IsCancellationRequested)
                {
                    var began = _clock.GetTimestamp();
                    Publish(await _read(_stop.Token));

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

        private void Publish(State read)
        {
            foreach (var head in read.Answers.Where(head => _found.Add(head.Node)).OrderBy(head => head.AnsweredAt)) _answers.Add(head);
            _newest = read with { Answers = [.. _answers] };
            var next = _next;
            _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
            next.TrySetResult(_newest);
        }
    }
}
