using Fleet.Swarm;

namespace Fleet.Tests.Swarm;

public sealed class LogBufferTests
{
    private readonly LogBuffer _buffer = new(most: 10);

    [Fact]
    public void The_oldest_lines_go_when_there_are_too_many_though_nobody_sends()
    {
        Add(LogBuffer.Status, "s");
        for (var i = 0; i < 14; i++) Add(LogBuffer.Result, i.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal((10, 5L, 0L), (_buffer.Count, _buffer.TakePurged(), _buffer.TakePurged()));
        Assert.Equal(["5", "6", "7"], _buffer.Oldest(3).Results.Lines);
        Assert.Equal(["s"], _buffer.Oldest(20).Statuses.Lines);
    }

    [Fact]
    public void What_was_sent_leaves_and_no_line_that_came_since_though_some_were_dropped_meanwhile()
    {
        foreach (var line in "abcdefgh") Add(LogBuffer.Result, line.ToString());
        var sent = _buffer.Oldest(6).Results;
        foreach (var line in "ijklm") Add(LogBuffer.Result, line.ToString());
        _buffer.RemoveTo(LogBuffer.Result, sent.End);
        Assert.Equal("ghijklm", string.Concat(_buffer.Oldest(20).Results.Lines));
        _buffer.RemoveTo(LogBuffer.Result, sent.End);
        Assert.Equal(7, _buffer.Count);
    }

    private void Add(string type, string line) => _buffer.Add(type, line);
}
