using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Text.Json;
using Fleet.Kernel;
using Fleet.Nodes;

namespace Fleet.Agents;

/// <summary>Reads an agent's body as it arrives: inflated, repaired, within the budget, and with little room for senders that are not known.</summary>
/// <remarks>A key in a header is looked at before anything is read. In a body it is found when it comes first, as agents that compress send it. Only what a stranger really sends is
/// held for it: what it packed is inflated no further than <see cref="StrangersBytes"/>, and of a body whose key is no key of ours no more than that is read.</remarks>
/// <param name="pipe">The request's.</param>
/// <param name="buffer">Takes the body.</param>
/// <param name="budget">Learns whether the sender is known.</param>
/// <param name="keys">Check a key; null for a call that has none.</param>
internal sealed class BodyReader(PipeReader pipe, BodyBuffer buffer, ByteBudget.Share budget, NodeKeys? keys)
{
    /// <summary>Bytes that are inflated for a sender that is not known: the key comes within the first few hundred.</summary>
    private const int StrangersBytes = 64 << 10;

    /// <summary>Within so many bytes a key is looked for while the body arrives.</summary>
    private const int KeyWithin = 4 << 10;

    /// <summary>What inflating takes: zlib's window, the stream's own buffer and ours.</summary>
    private const int InflatingBytes = 72 << 10;

    private const int PieceBytes = 16 << 10;

    private Utf8Repair _repair;
    private bool _isKeyLookedFor;

    /// <summary>Nothing can be told of the sender yet: the whole body is read, within what strangers may take.</summary>
    private bool _isUndecided;
    private ReadOnlyMemory<byte>? _foreign;

    /// <summary>A key that this server did not sign, of a body that is not small: the rest of it was not read.</summary>
    public ReadOnlyMemory<byte>? ForeignKey { get; private set; }

    /// <summary>Reads all of it into the buffer.</summary>
    /// <param name="most">Bytes of one that is not compressed.</param>
    /// <param name="mostInflated">Bytes that a compressed one may become.</param>
    /// <exception cref="BadBodyException">It looks like gzip and is none, or hides its key.</exception>
    public async ValueTask ReadAsync(int most, int mostInflated)
    {
        var isGzip = await BeginsAsGzipAsync();
        buffer.Most = isGzip ? mostInflated : most;
        if (isGzip) await InflateAsync();
        else await CopyAsync();
        if (ForeignKey is null) _repair.End(buffer.Append);
    }

    private async ValueTask<bool> BeginsAsGzipAsync()
    {
        for (; ; )
        {
            var read = await pipe.ReadAsync();
            var isEnough = read.Buffer.Length >= 2 || read.IsCompleted;
            var isGzip = read.Buffer.Length >= 2 && Compression.IsGzip(read.Buffer.Slice(0, 2).ToArray());
            if (isEnough) pipe.AdvanceTo(read.Buffer.Start);
            else pipe.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (isEnough) return isGzip;
        }
    }

    private async ValueTask CopyAsync()
    {
        for (; ; )
        {
            var read = await pipe.ReadAsync();
            try
            {
                foreach (var piece in read.Buffer) Append(piece.Span);
            }
            finally
            {
                // What is refused here is still read to its end before the answer, by Kestrel.
                pipe.AdvanceTo(read.Buffer.End);
            }

            if (read.IsCompleted || ForeignKey is not null) return;
        }
    }

    private async ValueTask InflateAsync()
    {
        budget.Take(InflatingBytes);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            await using var gzip = new GZipStream(pipe.AsStream(leaveOpen: true), CompressionMode.Decompress);
            while (await gzip.ReadAsync(piece.AsMemory(0, PieceBytes)) is > 0 and var count)
            {
                Append(piece.AsSpan(0, count));
                if (ForeignKey is not null) return;
                if (!budget.IsKnown && !_isUndecided && buffer.Size > StrangersBytes) throw new BadBodyException("in a compressed body the node key comes first, or in the header Authorization");
            }
        }
        catch (InvalidDataException)
        {
            throw new BadBodyException("it looks like gzip and cannot be inflated");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
            budget.Release(InflatingBytes);
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _repair.Write(bytes, buffer.Append);
        if (keys is not null && !budget.IsKnown && !_isKeyLookedFor) LookForKey(keys);
        if (_foreign is not null && buffer.Size > StrangersBytes) ForeignKey = _foreign;
    }

    private void LookForKey(NodeKeys keys)
    {
        var begin = buffer.Bytes[..Math.Min(buffer.Bytes.Length, KeyWithin)];
        _isKeyLookedFor = begin.Length == KeyWithin;
        if (KeyIn(begin) is not { Length: > 0 } key) return;
        _isKeyLookedFor = true;
        if (keys.TryRead(key.Span, out _) == KeyVerdict.Good) budget.MakeKnown();
        else if (keys.CanTell) _foreign = key.ToArray();
        else _isUndecided = true;
    }

    /// <summary>The text of <c>node_key</c> if it is among the first members; empty if it is not, or not yet.</summary>
    private static ReadOnlyMemory<byte> KeyIn(ReadOnlyMemory<byte> begin)
    {
        var reader = new Utf8JsonReader(begin.Span, isFinalBlock: false, new JsonReaderState(JsonText.Lenient));
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth > 1 || reader.TokenType == JsonTokenType.StartArray) return default;
                if (reader.TokenType != JsonTokenType.PropertyName || !JsonText.Is(ref reader, "node_key"u8)) continue;
                return reader.Read() && reader.TokenType == JsonTokenType.String ? begin.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length) : default;
            }
        }
        catch (JsonException)
        {
            // What is wrong with it is said when all of it is there.
        }

        return default;
    }
}
