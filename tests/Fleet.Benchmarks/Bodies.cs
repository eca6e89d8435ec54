using System.Text;

namespace Fleet.Benchmarks;

/// <summary>What agents send, in the size that they send it.</summary>
internal static class Bodies
{
    /// <summary>Lines of a listening-ports query, some 660 bytes each, as osqueryd 5.23 logs them: 100 are 66 kB.</summary>
    public static string Lines(int count, string mark = "0")
    {
        var lines = new StringBuilder("[");
        for (var i = 0; i < count; i++)
        {
            if (i > 0) lines.Append(',');
            lines.Append(FormattableString.Invariant($$$"""
                {"name":"pack/incident-response/process_open_sockets","hostIdentifier":"4C4C4544-0051-3710-8052-B7C04F583433","calendarTime":"Fri Nov 21 02:13:20 2026 UTC","unixTime":{{{DateTimeOffset.UtcNow.ToUnixTimeSeconds()}}},"epoch":0,"counter":{{{i}}},"numerics":false,"decorations":{"host_uuid":"4C4C4544-0051-3710-8052-B7C04F583433","hostname":"bld-linux-{{{i % 7}}}","tenant":"emea"},"columns":{"cmdline":"/usr/lib/jvm/java-17/bin/java -Xmx2g -jar /opt/service-{{{i}}}/app.jar --port {{{8000 + i}}}","family":"2","fd":"{{{i}}}","local_address":"10.0.{{{i % 250}}}.7","local_port":"{{{8000 + i}}}","path":"/opt/service-{{{i}}}/bin/launcher","pid":"{{{1000 + (i * 7)}}}","protocol":"6","remote_address":"203.0.113.{{{i % 250}}}","remote_port":"443","mark":"{{{mark}}}"},"action":"added"}
                """));
        }

        return lines.Append(']').ToString();
    }

    /// <summary>Lines whose values repeat as little as a machine's do.</summary>
    public static byte[] NoisyLines(int count)
    {
        var random = new Random(1);
        var lines = new StringBuilder("[");
        for (var i = 0; i < count; i++)
        {
            if (i > 0) lines.Append(',');
            lines.Append(FormattableString.Invariant($$$"""
                {"name":"pack/incident-response/process_open_sockets","hostIdentifier":"4C4C4544-0051-3710-8052-B7C04F583433","calendarTime":"Fri Nov 21 02:13:20 2026 UTC","unixTime":1763691{{{random.Next(1000):D3}}},"epoch":0,"counter":{{{i}}},"numerics":false,"decorations":{"host_uuid":"4C4C4544-0051-3710-8052-B7C04F583433","hostname":"bld-linux-07","tenant":"emea"},"columns":{"cmdline":"{{{Noise(random.Next(40))}}} /usr/bin/x -p {{{random.Next()}}}","fd":"{{{random.Next(99)}}}","local_address":"10.0.{{{random.Next(250)}}}.{{{random.Next(250)}}}","sha256":"{{{Noise(32)}}}","path":"/opt/{{{random.Next()}}}/bin/{{{random.Next()}}}","pid":"{{{random.Next(32_000)}}}","remote_address":"203.0.{{{random.Next(250)}}}.{{{random.Next(250)}}}"},"action":"added"}
                """));
        }

        return Encoding.UTF8.GetBytes(lines.Append(']').ToString());

        string Noise(int bytes)
        {
            var noise = new byte[bytes];
            random.NextBytes(noise);
            return Convert.ToHexString(noise);
        }
    }

    public static string Log(string nodeKey, int count, string mark = "0") => $$"""{"data":{{Lines(count, mark)}},"log_type":"result","node_key":"{{nodeKey}}"}""";
}
