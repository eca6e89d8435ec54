using System.Text;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Results;

namespace Fleet.Rules;

/// <summary>A row that a rule matches.</summary>
/// <param name="IsEnd">The row is gone again: what it raised is over.</param>
/// <param name="Open">What is left to be asked of what was seen before; null if nothing is.</param>
internal sealed record Match(Rule Rule, ResultRow Row, bool IsEnd, Residue? Open);

/// <summary>What a condition says of a row.</summary>
/// <param name="Value">What it looked at; null if that is missing.</param>
/// <param name="Holds">Null if it depends on what was seen before.</param>
internal sealed record Explanation(string? Value, bool? Holds);

/// <summary>Judges lines one after another, in one pass over their UTF-8: lines and rows that match nothing cost no allocation. Not for two threads at once.</summary>
internal sealed class Judge(RuleSet set)
{
    private static readonly JsonPart s_null = new(0, 0, JsonKind.Null);

    private readonly Verdict[] _verdicts = new Verdict[set.Conditions.Count];
    private readonly int[] _judgedAt = new int[set.Conditions.Count];

    /// <summary>Where each condition's value lies: in the lines, or if it had to be unescaped in the scratch.</summary>
    private readonly JsonPart[] _values = new JsonPart[set.Conditions.Count];
    private readonly int[] _boundAt = new int[set.Conditions.Count];
    private byte[] _scratch = new byte[1024];
    private int _scratched;
    private int _row;

    /// <summary>The line whose rows are judged, and texts at its top level, which may be decorations; each read when it is asked for.</summary>
    private WholeLine? _whole;
    private readonly List<(JsonPart Member, JsonPart Value)> _topLevel = [];
    private bool _isTopLevelRead;

    private readonly byte[] _lastName = new byte[Limits.LineNameCharacters];
    private readonly char[] _nameText = new char[Limits.LineNameCharacters];
    private int _lastNameLength;
    private Plan? _lastPlan;

    private NodeFacts _node = NodeFacts.Unknown(default);
    private byte[] _host = [];
    private byte[] _platform = [];
    private byte[][] _tags = [];

    /// <summary>The rows that rules match, in their order.</summary>
    /// <param name="lines">A <c>data</c> array that was scanned when it came.</param>
    /// <param name="received">The time of lines that have none.</param>
    /// <param name="node">Who sent them.</param>
    public IReadOnlyList<Match> Matches(ReadOnlyMemory<byte> lines, DateTimeOffset received, NodeFacts node)
    {
        About(node);
        List<Match>? matches = null;
        var line = new LineScanner(lines.Span);
        while (line.Next())
        {
            if (PlanOf(line) is not { } plan) continue;
            NewLine();
            Read(line, plan, lines, received, ref matches);
        }

        return matches ?? (IReadOnlyList<Match>)[];
    }

    /// <summary>What each condition says of a line in event format, by the condition's text.</summary>
    public IReadOnlyDictionary<string, Explanation> Explain(ReadOnlyMemory<byte> lines, DateTimeOffset received, NodeFacts node)
    {
        About(node);
        var line = new LineScanner(lines.Span);
        line.Next();
        NewLine();
        var row = new RowView(line, set.PlanOfAll(JsonText.Text(line.Name, line.Json)!), line.Columns, ActionOf(line), received);
        Begin(row);
        var said = new Dictionary<string, Explanation>(StringComparer.Ordinal);
        for (var place = 0; place < set.Conditions.Count; place++)
        {
            said[set.Conditions[place].Text] = new(ValueOf(place, row), Judged(place, row) switch { Verdict.True => true, Verdict.False => false, _ => null });
        }

        return said;
    }

    private void About(NodeFacts node)
    {
        if (_node == node) return;
        _node = node;
        _host = Encoding.UTF8.GetBytes(node.Host);
        _platform = Encoding.UTF8.GetBytes(node.Platform);
        _tags = [.. node.Tags.Tags.Select(Encoding.UTF8.GetBytes)];
    }

    private Plan? PlanOf(in LineScanner line)
    {
        if (!line.Name.IsThere) return null;

        // Lines of one query come in runs.
        var name = line.Name.In(line.Json);
        if (_lastNameLength > 0 && name.SequenceEqual(_lastName.AsSpan(0, _lastNameLength))) return _lastPlan;
        if (line.Name.Kind != JsonKind.Text || name.Length > _lastName.Length)
        {
            var unescaped = JsonText.Text(line.Name, line.Json)!;
            return LogBody.IsName(unescaped) ? set.PlanOf(unescaped) : null;
        }

        name.CopyTo(_lastName);
        _lastNameLength = name.Length;
        return _lastPlan = set.PlanOf(_nameText.AsSpan(0, Encoding.UTF8.GetChars(name, _nameText)));
    }

    private static ReadOnlySpan<byte> ActionOf(in LineScanner line) => line.Action.Kind switch
    {
        JsonKind.Text => line.Action.In(line.Json),
        JsonKind.EscapedText => Encoding.UTF8.GetBytes(JsonText.Text(line.Action, line.Json)!),
        _ => "added"u8,
    };

    private void Read(in LineScanner line, Plan plan, ReadOnlyMemory<byte> lines, DateTimeOffset received, ref List<Match>? matches)
    {
        // What is no row is judged by no rule.
        if (line.Columns.IsThere)
        {
            if (line.Columns.Kind == JsonKind.Object) Read(new(line, plan, line.Columns, ActionOf(line), received), lines, ref matches);
        }
        else if (line.Diff.IsThere)
        {
            ReadSide(line, plan, "added"u8, lines, received, ref matches);
            ReadSide(line, plan, "removed"u8, lines, received, ref matches);
        }
        else if (line.Snapshot.IsThere)
        {
            ReadRows(line, line.Snapshot, plan, "snapshot"u8, lines, received, ref matches);
        }
    }

    private void ReadSide(in LineScanner line, Plan plan, ReadOnlySpan<byte> side, ReadOnlyMemory<byte> lines, DateTimeOffset received, ref List<Match>? matches)
    {
        if (line.Diff.Kind != JsonKind.Object) return;
        var cursor = new JsonCursor(line.Json, line.Diff.Start);
        cursor.Enter();
        while (cursor.Member(out var member))
        {
            var rows = cursor.Value();
            if (!member.In(line.Json).SequenceEqual(side)) continue;
            ReadRows(line, rows, plan, side, lines, received, ref matches);
            return;
        }
    }

    private void ReadRows(in LineScanner line, JsonPart rows, Plan plan, ReadOnlySpan<byte> action, ReadOnlyMemory<byte> lines, DateTimeOffset received, ref List<Match>? matches)
    {
        if (rows.Kind != JsonKind.Array) return;
        var cursor = new JsonCursor(line.Json, rows.Start);
        cursor.Enter();
        while (cursor.Item())
        {
            if (cursor.Value() is { Kind: JsonKind.Object } columns) Read(new(line, plan, columns, action, received), lines, ref matches);
        }
    }

    private void Read(RowView row, ReadOnlyMemory<byte> lines, ref List<Match>? matches)
    {
        Begin(row);
        ResultRow? built = null;
        var isRemoved = row.Action.SequenceEqual("removed"u8);
        foreach (var rule in row.Plan.Rules)
        {
            if (!(isRemoved && rule.Rule.ResolvesOnRemoved)) Weigh(rule, row, isEnd: false, lines, ref built, ref matches);
        }

        if (!isRemoved || !row.Plan.ResolvesOnRemoved) return;

        // The row as it was when it came: what it raised then is over now.
        row.Action = "added"u8;
        _row++;
        Begin(row);
        foreach (var rule in row.Plan.Rules)
        {
            if (rule.Rule.ResolvesOnRemoved) Weigh(rule, row, isEnd: true, lines, ref built, ref matches);
        }
    }

    private void Weigh(Compiled rule, in RowView row, bool isEnd, ReadOnlyMemory<byte> lines, ref ResultRow? built, ref List<Match>? matches)
    {
        var verdict = VerdictOf(rule.Test, row);
        if (verdict == Verdict.False || !rule.Rule.Scope.Holds(_node)) return;
        built ??= LineReader.Row(row.Line, row.Plan.Name, Encoding.UTF8.GetString(isEnd ? "removed"u8 : row.Action), row.Columns, lines, _whole ??= LineReader.WholeOf(row.Line, lines), row.Received);
        (matches ??= []).Add(new(rule.Rule, built, isEnd, rule.AsksWhatWasSeen && !isEnd ? ResidueOf(rule.Test, row) : null));
    }

    private void NewLine() => (_whole, _isTopLevelRead) = (null, false);

    /// <summary>A new row: nothing is judged of it yet, and its values are found.</summary>
    private void Begin(in RowView row)
    {
        _row++;
        _scratched = 0;
        if (row.Plan.Columns.Length > 0 && row.Columns.Kind == JsonKind.Object) Bind(row.Line.Json, row.Columns, row.Plan.Columns);
        if (row.Plan.Decorations.Length == 0) return;
        if (row.Line.Decorations.IsThere) Bind(row.Line.Json, row.Line.Decorations, row.Plan.Decorations);
        ReadTopLevel(row.Line.Json, row.Line.Raw);
        foreach (var (member, value) in _topLevel) Bind(row.Line.Json, member, value, row.Plan.Decorations);
    }

    /// <summary>Once for all rows of a line: a snapshot may have tens of thousands.</summary>
    private void ReadTopLevel(ReadOnlySpan<byte> json, JsonPart line)
    {
        if (_isTopLevelRead) return;
        _isTopLevelRead = true;
        _topLevel.Clear();
        var cursor = new JsonCursor(json, line.Start);
        cursor.Enter();
        while (cursor.Member(out var member))
        {
            var value = cursor.Value();
            if (value.IsText && LineScanner.IsDecoration(NameOf(member, json))) _topLevel.Add((member, value));
        }
    }

    private void Bind(ReadOnlySpan<byte> json, JsonPart values, Slot[] slots)
    {
        var cursor = new JsonCursor(json, values.Start);
        cursor.Enter();
        while (cursor.Member(out var member)) Bind(json, member, cursor.Value(), slots);
    }

    private void Bind(ReadOnlySpan<byte> json, JsonPart member, JsonPart value, Slot[] slots)
    {
        var name = NameOf(member, json);
        foreach (var slot in slots)
        {
            // The first of a name counts.
            if (_boundAt[slot.Places[0]] == _row || !name.SequenceEqual(slot.Name)) continue;
            var part = value.Kind switch
            {
                JsonKind.EscapedText => Unescape(value, json),
                JsonKind.Null => s_null,
                _ => value,
            };
            foreach (var place in slot.Places)
            {
                _values[place] = part;
                _boundAt[place] = _row;
            }

            return;
        }
    }

    private static ReadOnlySpan<byte> NameOf(JsonPart member, ReadOnlySpan<byte> json) => member.Kind == JsonKind.Text ? member.In(json) : Encoding.UTF8.GetBytes(JsonText.Text(member, json)!);

    private JsonPart Unescape(JsonPart value, ReadOnlySpan<byte> json)
    {
        if (_scratch.Length - _scratched < value.End - value.Start) Array.Resize(ref _scratch, Math.Max(_scratch.Length * 2, _scratched + value.End - value.Start));
        var reader = new Utf8JsonReader(value.Quoted(json));
        reader.Read();
        int count;
        try
        {
            count = reader.CopyString(_scratch.AsSpan(_scratched));
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate.
            var text = Encoding.UTF8.GetBytes(JsonText.Text(value, json)!);
            text.CopyTo(_scratch, _scratched);
            count = text.Length;
        }

        _scratched += count;
        return new(_scratched - count, _scratched, JsonKind.EscapedText);
    }

    private Verdict VerdictOf(Test test, in RowView row)
    {
        if (test.Condition >= 0) return Judged(test.Condition, row);
        var isOpen = false;
        foreach (var child in test.Children)
        {
            var one = VerdictOf(child, row);
            if (one == Verdict.Open) isOpen = true;
            else if (one == Verdict.True != test.IsAnd) return !test.IsAnd != test.IsNegated ? Verdict.True : Verdict.False;
        }

        return isOpen ? Verdict.Open : test.IsAnd != test.IsNegated ? Verdict.True : Verdict.False;
    }

    private Verdict Judged(int place, in RowView row)
    {
        if (_judgedAt[place] == _row) return _verdicts[place];
        _judgedAt[place] = _row;
        return _verdicts[place] = Compare(place, row);
    }

    private Verdict Compare(int place, in RowView row)
    {
        var condition = set.Conditions[place];
        var isBound = condition.Field is RuleField.Column or RuleField.Decoration;
        var isThere = isBound && _boundAt[place] == _row && _values[place].Kind != JsonKind.Null;
        if (condition.AsksWhatWasSeen) return isThere ? Verdict.Open : Verdict.False;
        var holds = condition.Field switch
        {
            RuleField.QueryName => row.Plan.IsTrueOfName(place),
            RuleField.Action => condition.Operator.Test(row.Action, condition.Operand) != condition.IsNegated,
            RuleField.HostIdentifier => condition.Operator.Test(_host, condition.Operand) != condition.IsNegated,
            RuleField.Platform => condition.Operator.Test(_platform, condition.Operand) != condition.IsNegated,
            RuleField.Tag => AnyTag(condition) != condition.IsNegated,
            RuleField.Timestamp when condition.Operand.Times.Count > 0 => condition.CompareTimes(row.Time),
            RuleField.Timestamp => condition.Operator.Test(Encoding.UTF8.GetBytes(TimeText.Seconds(row.Time)), condition.Operand) != condition.IsNegated,
            _ => (isThere && condition.Operator.Test(BytesOf(place, row.Line.Json), condition.Operand)) != condition.IsNegated,
        };
        return holds ? Verdict.True : Verdict.False;
    }

    /// <summary>Whether it is true of any of the node's tags; that there is nothing, of a node without tags.</summary>
    private bool AnyTag(Condition condition)
    {
        if (condition.Operator.Kind == OperandKind.Text && condition.Operator.Shape == OperandShape.None) return _tags.Length == 0;
        foreach (var tag in _tags)
        {
            if (condition.Operator.Test(tag, condition.Operand)) return true;
        }

        return false;
    }

    private ReadOnlySpan<byte> BytesOf(int place, ReadOnlySpan<byte> json) =>
        _values[place] is { Kind: JsonKind.EscapedText } part ? _scratch.AsSpan(part.Start..part.End) : _values[place].In(json);

    private string? ValueOf(int place, in RowView row) => set.Conditions[place].Field switch
    {
        RuleField.QueryName => row.Plan.Name,
        RuleField.Action => Encoding.UTF8.GetString(row.Action),
        RuleField.HostIdentifier => _node.Host,
        RuleField.Platform => _node.Platform,
        RuleField.Tag => _node.Tags.ToString(),
        RuleField.Timestamp => TimeText.Seconds(row.Time),
        _ => _boundAt[place] == _row && _values[place].Kind != JsonKind.Null ? Encoding.UTF8.GetString(BytesOf(place, row.Line.Json)) : null,
    };

    private Residue ResidueOf(Test test, in RowView row)
    {
        if (test.Condition < 0)
        {
            var children = new Residue[test.Children.Length];
            for (var i = 0; i < children.Length; i++) children[i] = ResidueOf(test.Children[i], row);
            return new Residue.Group(test.IsAnd, test.IsNegated, children);
        }

        var verdict = Judged(test.Condition, row);
        return verdict == Verdict.Open ? new Residue.Ask(set.Conditions[test.Condition], ValueOf(test.Condition, row)!) : new Residue.Known(verdict == Verdict.True);
    }


    private enum Verdict : byte
    {
        False,
        True,

        /// <summary>It depends on what was seen before.</summary>
        Open,
    }

    /// <summary>A row as it lies in its line.</summary>
    private ref struct RowView
    {
        public RowView(in LineScanner line, Plan plan, JsonPart columns, ReadOnlySpan<byte> action, DateTimeOffset received)
        {
            Line = line;
            (Plan, Columns, Received) = (plan, columns, received);
            Action = action;
        }

        public readonly LineScanner Line;
        public readonly Plan Plan;
        public readonly JsonPart Columns;
        public readonly DateTimeOffset Received;
        public ReadOnlySpan<byte> Action;

        public readonly DateTimeOffset Time => Line.Time() ?? Received;
    }
}
