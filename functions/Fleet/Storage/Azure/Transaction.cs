using System.Globalization;
using System.Text;

namespace Fleet.Storage.Azure;

/// <summary>An entity group transaction: one multipart request, and one answer in parts whose outer status is 202 even when it failed.</summary>
internal static class Transaction
{
    /// <summary>The request's body, with CRLF everywhere.</summary>
    /// <param name="boundary">Names the batch and the change set in it.</param>
    /// <param name="writes">All of one partition.</param>
    /// <param name="uriOf">The absolute address of a write.</param>
    public static byte[] Write(string boundary, IReadOnlyList<Write> writes, Func<Write, string> uriOf)
    {
        using var bytes = new MemoryStream(4_096);
        Append(bytes, $"--batch_{boundary}\r\nContent-Type: multipart/mixed; boundary=changeset_{boundary}\r\n\r\n");
        foreach (var write in writes)
        {
            Append(bytes, $"--changeset_{boundary}\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n");
            Append(bytes, $"{MethodOf(write)} {uriOf(write)} HTTP/1.1\r\nAccept: application/json;odata=minimalmetadata\r\nDataServiceVersion: 3.0;\r\n");
            if (IfMatchOf(write) is { } etag) Append(bytes, $"If-Match: {etag}\r\n");
            if (write.Kind == WriteKind.Insert) Append(bytes, "Prefer: return-no-content\r\n");
            if (write.Kind == WriteKind.Delete)
            {
                Append(bytes, "\r\n");
            }
            else
            {
                Append(bytes, "Content-Type: application/json\r\n\r\n");
                bytes.Write(EntityJson.Write(write));
            }

            Append(bytes, "\r\n");
        }

        Append(bytes, $"--changeset_{boundary}--\r\n--batch_{boundary}--\r\n");
        return bytes.ToArray();
    }

    /// <summary>The part that failed, or null when all were done.</summary>
    public static TableError? Read(ReadOnlyMemory<byte> answer)
    {
        var text = answer.Span;
        for (int at; (at = text.IndexOf("HTTP/1.1 "u8)) >= 0;)
        {
            text = text[(at + 9)..];
            var status = int.Parse(text[..3], CultureInfo.InvariantCulture);
            if (status < 400) continue;
            var start = text.IndexOf((byte)'{');
            var end = text.LastIndexOf((byte)'}');
            return TableError.Read(status, start < 0 || end < start ? default : text[start..(end + 1)].ToArray());
        }

        return null;
    }

    public static string MethodOf(Write write) => write.Kind switch
    {
        WriteKind.Insert => "POST",
        WriteKind.Replace => "PUT",
        WriteKind.Merge => "MERGE",
        WriteKind.Delete => "DELETE",
        _ => throw new ArgumentException($"{write.Kind} is no kind of write."),
    };

    /// <summary>The ETag that a write demands; <c>*</c> for a delete of whatever is there.</summary>
    public static string? IfMatchOf(Write write) => write.Kind == WriteKind.Insert ? null : write.Etag ?? (write.Kind == WriteKind.Delete ? "*" : null);

    private static void Append(MemoryStream bytes, string text) => bytes.Write(Encoding.UTF8.GetBytes(text));
}
