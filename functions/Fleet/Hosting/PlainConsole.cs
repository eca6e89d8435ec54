using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Fleet.Hosting;

/// <summary>A log entry as one line: time, level, category, text. Control characters are written as escapes, so that what a machine or a stranger sent makes no line of its own and speaks to no terminal.</summary>
internal sealed class PlainConsole(TimeProvider clock) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "plain";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var text = logEntry.Formatter(logEntry.State, logEntry.Exception);
        textWriter.Write(clock.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z' ", CultureInfo.InvariantCulture));
        textWriter.Write(logEntry.LogLevel switch { LogLevel.Trace => "trce", LogLevel.Debug => "dbug", LogLevel.Information => "info", LogLevel.Warning => "warn", LogLevel.Error => "fail", _ => "crit" });
        textWriter.Write($": {logEntry.Category}[{logEntry.EventId.Id.ToString(CultureInfo.InvariantCulture)}] ");
        textWriter.Write(Escaped(text));
        if (logEntry.Exception is { } fault) textWriter.Write(" " + Escaped(fault.ToString()));
        textWriter.Write(Environment.NewLine);
    }

    /// <summary>Control characters, line separators and those that turn the direction of writing as <c>\uXXXX</c>; line feeds and tabs as <c>\n</c> and <c>\t</c>.</summary>
    public static string Escaped(string text)
    {
        if (!text.Any(IsOdd)) return text;
        var plain = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (!IsOdd(c)) plain.Append(c);
            else if (c == '\n') plain.Append("\\n");
            else if (c == '\t') plain.Append("\\t");
            else if (c != '\r') plain.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return plain.ToString();
    }

    private static bool IsOdd(char c) => char.IsControl(c) || char.GetUnicodeCategory(c) is UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
