using System.Text;

namespace Fleet.Storage.Embedded;

/// <summary>Columns as bytes: a count, then name, type letter and value of each.</summary>
internal static class RowCodec
{
    public static byte[] Write(Columns columns)
    {
        using var bytes = new MemoryStream(256);
        using var writer = new BinaryWriter(bytes, Encoding.UTF8);
        writer.Write7BitEncodedInt(columns.Count);
        foreach (var (name, value) in columns)
        {
            writer.Write(name);
            switch (value)
            {
                case string text:
                    writer.Write('s');
                    writer.Write(text);
                    break;
                case long number:
                    writer.Write('n');
                    writer.Write(number);
                    break;
                case double real:
                    writer.Write('r');
                    writer.Write(real);
                    break;
                case bool flag:
                    writer.Write('f');
                    writer.Write(flag);
                    break;
                case DateTimeOffset time:
                    writer.Write('t');
                    writer.Write(time.UtcTicks);
                    break;
                case byte[] blob:
                    writer.Write('b');
                    writer.Write7BitEncodedInt(blob.Length);
                    writer.Write(blob);
                    break;
                default:
                    throw new ArgumentException($"Column {name} is a {value.GetType().Name}.");
            }
        }

        return bytes.ToArray();
    }

    public static Columns Read(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes, writable: false), Encoding.UTF8);
        var columns = new Columns();
        for (var left = reader.Read7BitEncodedInt(); left > 0; left--)
        {
            var name = reader.ReadString();
            columns[name] = reader.ReadChar() switch
            {
                's' => reader.ReadString(),
                'n' => reader.ReadInt64(),
                'r' => reader.ReadDouble(),
                'f' => reader.ReadBoolean(),
                't' => new DateTimeOffset(reader.ReadInt64(), TimeSpan.Zero),
                'b' => reader.ReadBytes(reader.Read7BitEncodedInt()),
                var type => throw new InvalidDataException($"Column {name} has the unknown type '{type}': the database was written by a newer version."),
            };
        }

        return columns;
    }
}
