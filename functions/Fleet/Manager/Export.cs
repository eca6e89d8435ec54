using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Fleet.Manager;

/// <summary>What is shared by exports of all types.</summary>
internal static class Export
{
    public const string Ndjson = "application/x-ndjson";
    public const string Csv = "text/csv";

    /// <summary>Told after the last row, in a trailer, where HTTP has one (from HTTP/2 on): how many there were. A stream that broke off has none.</summary>
    public const string Rows = "Fleet-Rows";

    /// <summary>On exports of results: what was stored before this time is in them; later lines are still on their way into the index.</summary>
    public const string CompleteUpTo = "Fleet-Complete-Up-To";

    /// <summary>With <c>trailer=true</c> NDJSON ends with a line that says the same: <c>{"trailer":{"rows":12}}</c>.</summary>
    public const string InBody = "trailer";

    /// <summary>Rows that are looked at for their columns before the first one is written.</summary>
    public const int RowsForColumns = 1_000;
}

/// <summary>Rows as NDJSON or CSV, streamed as they are found; <c>format=csv</c> or <c>ndjson</c> (default). The trailer <see cref="Export.Rows"/> says that it is whole.</summary>
/// <param name="name">The file's, without its ending.</param>
/// <param name="format">What was asked for.</param>
/// <param name="rows">What is exported.</param>
/// <param name="map">A row as JSON.</param>
/// <param name="completeUpTo">What was stored before is in it; null where everything is.</param>
/// <param name="columns">CSV's first columns; members that come beside them follow. Null: those of the first thousand rows. What comes later and
/// has no column is in the last one, <c>other</c>.</param>
internal sealed class Export<T>(string name, string? format, IAsyncEnumerable<T> rows, Func<T, JsonObject> map, IReadOnlyList<string>? columns = null, DateTimeOffset? completeUpTo = null) : IResult
{
    private const int FlushEvery = 64 << 10;

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        if (format is not (null or "ndjson" or "csv"))
        {
            await Problem.WriteAsync(httpContext, new(400, "bad-request", "Bad request", $"'format' is ndjson or csv, not '{format}'."));
            return;
        }

        var response = httpContext.Response;
        var ct = httpContext.RequestAborted;
        response.ContentType = format == "csv" ? Export.Csv + "; charset=utf-8" : Export.Ndjson;
        response.Headers.ContentDisposition = $"attachment; filename=\"{name}.{format ?? "ndjson"}\"";
        if (completeUpTo is { } time) response.Headers[Export.CompleteUpTo] = UtcTime.Text(time);
        if (response.SupportsTrailers()) response.DeclareTrailer(Export.Rows);
        var count = format == "csv" ? await WriteCsvAsync(response.Body, ct) : await WriteNdjsonAsync(response.Body, httpContext.Request.Query[Export.InBody] == "true", ct);
        httpContext.Audit().Reason ??= string.Create(CultureInfo.InvariantCulture, $"{count} rows");
        if (response.SupportsTrailers()) response.AppendTrailer(Export.Rows, count.ToString(CultureInfo.InvariantCulture));
    }

    private async Task<long> WriteNdjsonAsync(Stream body, bool inBody, CancellationToken ct)
    {
        var count = 0L;
        using var buffer = new MemoryStream();
        await foreach (var row in rows.WithCancellation(ct))
        {
            buffer.Write(Encoding.UTF8.GetBytes(map(row).ToJsonString(ManagerJson.Strict.Options)));
            buffer.WriteByte((byte)'\n');
            count++;
            if (buffer.Length > FlushEvery) await FlushAsync();
        }

        if (inBody) buffer.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"trailer\":{{\"rows\":{count}{(completeUpTo is { } time ? $",\"completeUpTo\":\"{UtcTime.Text(time)}\"" : "")}}}}}\n")));
        await FlushAsync();
        return count;

        async Task FlushAsync()
        {
            await body.WriteAsync(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), ct);
            buffer.SetLength(0);
        }
    }

    private async Task<long> WriteCsvAsync(Stream body, CancellationToken ct)
    {
        await using var text = new StreamWriter(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), FlushEvery, leaveOpen: true);
        await using var csv = new CsvRows(text);
        var waiting = new List<JsonObject>();
        List<string>? header = null;
        var count = 0L;
        await foreach (var row in rows.WithCancellation(ct))
        {
            count++;
            var json = map(row);
            if (header is not null) await WriteRowAsync(json);
            else waiting.Add(json);
            if (header is null && waiting.Count == Export.RowsForColumns) await BeginAsync();
        }

        if (header is null) await BeginAsync();
        await text.FlushAsync(ct);
        return count;

        async Task BeginAsync()
        {
            header = [.. (columns ?? []).Concat(waiting.SelectMany(row => row.Select(member => member.Key))).Distinct(StringComparer.Ordinal)];
            await csv.WriteAsync(header.Append("other"));
            foreach (var row in waiting) await WriteRowAsync(row);
            waiting.Clear();
        }

        async Task WriteRowAsync(JsonObject row)
        {
            var other = row.Where(member => !header!.Contains(member.Key)).ToList();
            var rest = other.Count == 0 ? "" : new JsonObject(other.Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone()))).ToJsonString(ManagerJson.Strict.Options);
            await csv.WriteAsync(header!.Select(column => Text(row[column])).Append(rest));
        }
    }

    private static string Text(JsonNode? value) => value switch
    {
        null => "",
        JsonValue scalar => scalar.ToString(),
        _ => value.ToJsonString(ManagerJson.Strict.Options),
    };
}
