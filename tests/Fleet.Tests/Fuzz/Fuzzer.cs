using System.Diagnostics;
using System.Globalization;
using Fleet.Kernel;
using Fleet.Shared;

namespace Fleet.Tests.Fuzz;

/// <summary>Feeds a target with what its corpus becomes when it is cut, joined, flipped and spiced: for a bounded number of inputs in the suite, and for as long as <c>FLEET_FUZZ_MINUTES</c> says by hand.</summary>
/// <remarks>A driver of our own and not SharpFuzz: that needs a rewritten assembly and a native driver which no package index has, and what these parsers read is text, whose shapes a
/// dictionary reaches soon. An input that fails is written into the corpus, <c>Fuzz/Corpus/TARGET</c>, and is tried first ever after: commit it with the mend.</remarks>
internal sealed class Fuzzer
{
    private const int InSuite = 1_500;
    private const int MostBytes = 20_000;

    private static readonly string[] s_words =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "-", "0", "1e999", "\\u0000", "\\ud800", "\\udc00", "\"data\":", "\"node_key\":", "\"log_type\":", "\"queries\":", "\"statuses\":", "\"snapshot\":", "\"columns\":",
        "\"diffResults\":{", "\"added\":[", "\"decorations\":", "\"host_details\":{", "\"carve_guid\":\"", "\"block_id\":", "\"session_id\":", "{}", "[]", "\"\"", "9223372036854775808", "-1", "\uFEFF", "\u001F\u008B", "\0", "\r\n", "../", "\u0030\u0082",
    ];

    private readonly string _folder;
    private readonly List<byte[]> _corpus;
    private readonly Random _random;

    /// <param name="target">The folder of its corpus.</param>
    /// <param name="seeds">What is not worth a file.</param>
    public Fuzzer(string target, params IEnumerable<byte[]> seeds)
    {
        _folder = Path.Combine(RepositoryRoot.Path, "tests", "Fleet.Tests", "Fuzz", "Corpus", target);
        _corpus = [.. Directory.EnumerateFiles(_folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes), .. seeds];
        if (_corpus.Count == 0) throw new InvalidOperationException($"{_folder} is empty.");
        var minutes = Environment.GetEnvironmentVariable("FLEET_FUZZ_MINUTES");
        Time = minutes is null ? null : TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture));

        // The same inputs each time in the suite; others by hand.
        _random = Time is null ? new Random(4_711) : new Random();
    }

    private TimeSpan? Time { get; }

    /// <summary>Runs the corpus as it is, then inputs that are made of it. <paramref name="run"/> throws where the target fails.</summary>
    public async Task RunAsync(Func<byte[], Task> run)
    {
        foreach (var input in _corpus) await TryAsync(run, input);
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; Time is { } time ? Stopwatch.GetElapsedTime(began) < time : i < InSuite; i++) await TryAsync(run, Next());
    }

    private async Task TryAsync(Func<byte[], Task> run, byte[] input)
    {
        try
        {
            await run(input);
        }
        catch (Exception fault)
        {
            var file = Path.Combine(_folder, "failed-" + Digest.Of(input)[..16]);
            if (!File.Exists(file)) await File.WriteAllBytesAsync(file, input);
            throw new InvalidOperationException($"{file}: {fault.Message}", fault);
        }
    }

    private byte[] Next()
    {
        var input = new List<byte>(_corpus[_random.Next(_corpus.Count)]);
        for (var left = 1 + _random.Next(6); left > 0; left--) Change(input);
        if (input.Count > MostBytes) input.RemoveRange(MostBytes, input.Count - MostBytes);
        return [.. input];
    }

    private void Change(List<byte> input)
    {
        var at = _random.Next(input.Count + 1);
        var length = Math.Min(input.Count - at, _random.Next(1, 40));
        switch (_random.Next(8))
        {
            case 0 when at < input.Count:
                input[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when at < input.Count:
                input[at] = (byte)_random.Next(256);
                break;
            case 2:
                input.RemoveRange(at, length);
                break;
            case 3:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 4:
                input.InsertRange(at, System.Text.Encoding.UTF8.GetBytes(s_words[_random.Next(s_words.Length)]));
                break;
            case 5:
                var other = _corpus[_random.Next(_corpus.Count)];
                var from = _random.Next(other.Length + 1);
                input.InsertRange(at, other.AsSpan(from, Math.Min(other.Length - from, _random.Next(200))).ToArray());
                break;
            case 6:
                input.InsertRange(at, Enumerable.Repeat((byte)"[{\"0 "[_random.Next(5)], _random.Next(1, 700)));
                break;
            default:
                input.RemoveRange(at, input.Count - at);
                break;
        }
    }
}
