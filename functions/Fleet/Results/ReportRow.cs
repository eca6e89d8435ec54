using System.Text.Json;

namespace Fleet.Results;

/// <summary>When a row was spoken of: the agent's counter (-1 where the line has none), then seconds by its clock.</summary>
internal readonly record struct Moment(long Counter, long Time) : IComparable<Moment>
{
    public int CompareTo(Moment other) => Counter >= 0 && other.Counter >= 0 && Counter != other.Counter ? Counter.CompareTo(other.Counter) : Time.CompareTo(other.Time);
}

/// <summary>Moments, each as often as a row was spoken of then.</summary>
internal sealed class Moments
{
    private readonly List<(Moment At, int Count)> _moments = [];

    public IReadOnlyList<(Moment At, int Count)> All => _moments;

    public int Total { get; private set; }

    /// <summary>So many are told apart; what comes beyond counts with the newest.</summary>
    private const int Most = 64;

    public void Add(Moment at, int count = 1)
    {
        var place = _moments.FindIndex(one => one.At == at);
        if (place < 0 && _moments.Count == Most) (place, at) = (Most - 1, _moments[^1].At);
        if (place < 0) _moments.Add((at, count));
        else _moments[place] = (at, _moments[place].Count + count);
        Total += count;
    }

    /// <summary>Takes some of a moment away.</summary>
    public void Take(Moment at, int count = 1)
    {
        var place = _moments.FindIndex(one => one.At == at);
        if (place < 0) return;
        if (_moments[place].Count > count) _moments[place] = (at, _moments[place].Count - count);
        else _moments.RemoveAt(place);
        Total -= count;
    }

    /// <summary>The newest not after a moment; null if there is none.</summary>
    public Moment? NewestUntil(Moment at) => _moments.Where(one => one.At.CompareTo(at) <= 0).Select(one => (Moment?)one.At).Max();

    /// <summary>The oldest after a moment; null if there is none.</summary>
    public Moment? OldestAfter(Moment at) => _moments.Where(one => one.At.CompareTo(at) > 0).Select(one => (Moment?)one.At).Min();

    public void Write(Utf8JsonWriter json, string name)
    {
        if (Total == 0) return;
        json.WriteStartArray(name);
        foreach (var (at, count) in _moments)
        {
            json.WriteNumberValue(at.Counter);
            json.WriteNumberValue(at.Time);
            json.WriteNumberValue(count);
        }

        json.WriteEndArray();
    }

    public void Read(JsonElement row, string name)
    {
        if (!row.TryGetProperty(name, out var numbers)) return;
        for (var i = 0; i + 2 < numbers.GetArrayLength(); i += 3) Add(new(numbers[i].GetInt64(), numbers[i + 1].GetInt64()), numbers[i + 2].GetInt32());
    }
}

/// <summary>Equal rows of a report: how often each was added, and removals of them that came before what they remove.</summary>
internal sealed class ReportRow(IReadOnlyList<KeyValuePair<string, ColumnValue>> columns, int place)
{
    public IReadOnlyList<KeyValuePair<string, ColumnValue>> Columns => columns;

    public int Place => place;

    public Moments Added { get; } = new();

    public Moments Owed { get; } = new();

    public bool IsEmpty => Added.Total == 0 && Owed.Total == 0;

    public void Add(Moment at)
    {
        if (Owed.OldestAfter(at) is { } removal) Owed.Take(removal);
        else Added.Add(at);
    }

    public void Remove(Moment at)
    {
        if (Added.NewestUntil(at) is { } added) Added.Take(added);
        else Owed.Add(at);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Added.Write(json, "a");
        Owed.Write(json, "o");
        json.WritePropertyName("c");
        RowJson.WriteColumns(json, Columns);
        json.WriteEndObject();
    }

    public static ReportRow Read(JsonElement json, int place)
    {
        var row = new ReportRow(LineReader.ReadRow(json.GetProperty("c").GetRawText()), place);

        // Until equal rows were counted a row had one moment, and said whether it is held.
        if (json.TryGetProperty("h", out var isHeld)) (isHeld.GetBoolean() ? row.Added : row.Owed).Add(new(json.GetProperty("n").GetInt64(), json.GetProperty("t").GetInt64()));
        row.Added.Read(json, "a");
        row.Owed.Read(json, "o");
        return row;
    }
}
