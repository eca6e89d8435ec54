namespace Fleet.Rules;

/// <summary>The order of version numbers: Debian's, in which semantic versions sort as theirs.</summary>
/// <remarks>Debian Policy 5.6.12: an epoch before a colon counts first, then what stands before the last hyphen, then the revision after it; in each, pieces of digits
/// compare as numbers and those between them as text, where <c>~</c> sorts before the end, the end before letters, and letters before all else. Beyond that a
/// leading <c>v</c> is passed over; a hyphen before a letter begins a pre-release, which sorts before its release (<c>1.0.0-rc.1</c>, <c>1.0~rc1</c>), and no
/// revision; and what follows a <c>+</c> is passed over after exactly three numbers (semver 2.0, build metadata), unless it is Debian's (<c>+dfsg</c>, <c>+deb12u1</c>, …,
/// or there is a revision).</remarks>
internal static class VersionOrder
{
    /// <summary>How Debian marks what it did to a version.</summary>
    private static readonly byte[][] s_marks = [.. new[] { "deb", "dfsg", "ds", "nmu", "repack", "really", "ubuntu" }.Select(System.Text.Encoding.ASCII.GetBytes)];

    /// <summary>Less than, equal to or more than 0; null if one of them has no digit, and so is no version. No allocation for texts up to 256 bytes.</summary>
    public static int? Compare(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (!HasDigit(a) || !HasDigit(b)) return null;
        var left = Core(a, out var leftEpoch, out var leftRevision);
        var right = Core(b, out var rightEpoch, out var rightRevision);
        var order = CompareDigits(leftEpoch, rightEpoch);
        if (order == 0) order = ComparePieces(left, right);
        return order != 0 ? order : ComparePieces(leftRevision, rightRevision);
    }

    private static bool HasDigit(ReadOnlySpan<byte> text) => text.IndexOfAnyInRange((byte)'0', (byte)'9') >= 0;

    private static ReadOnlySpan<byte> Core(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> epoch, out ReadOnlySpan<byte> revision)
    {
        epoch = revision = default;
        if (text.Length > 1 && text[0] is (byte)'v' or (byte)'V' && IsDigit(text[1])) text = text[1..];
        var colon = text.IndexOf((byte)':');
        if (colon > 0 && text[..colon].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0)
        {
            epoch = text[..colon];
            text = text[(colon + 1)..];
        }

        var hyphen = text.LastIndexOf((byte)'-');
        if (hyphen > 0 && hyphen + 1 < text.Length && IsDigit(text[hyphen + 1]))
        {
            revision = text[(hyphen + 1)..];
            return text[..hyphen];
        }

        var plus = text.IndexOf((byte)'+');
        return plus > 0 && epoch.IsEmpty && HasThreeNumbers(text[..plus]) && !IsDebians(text[(plus + 1)..]) ? text[..plus] : text;
    }

    private static bool IsDebians(ReadOnlySpan<byte> suffix)
    {
        foreach (var mark in s_marks)
        {
            if (suffix.StartsWith(mark)) return true;
        }

        return false;
    }

    private static bool HasThreeNumbers(ReadOnlySpan<byte> text)
    {
        var numbers = 0;
        for (var i = 0; ; i++)
        {
            var start = i;
            while (i < text.Length && IsDigit(text[i])) i++;
            if (i == start) return false;
            numbers++;
            if (i == text.Length || text[i] == '-') return numbers == 3;
            if (text[i] != '.') return false;
        }
    }

    private static int ComparePieces(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        int i = 0, j = 0;
        while (i < a.Length || j < b.Length)
        {
            while ((i < a.Length && !IsDigit(a[i])) || (j < b.Length && !IsDigit(b[j])))
            {
                var (left, right) = (Weight(a, i), Weight(b, j));
                if (left != right) return left.CompareTo(right);
                i++;
                j++;
            }

            var (leftStart, rightStart) = (i, j);
            while (i < a.Length && IsDigit(a[i])) i++;
            while (j < b.Length && IsDigit(b[j])) j++;
            var digits = CompareDigits(a[leftStart..i], b[rightStart..j]);
            if (digits != 0) return digits;
        }

        return 0;
    }

    private static int CompareDigits(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        a = a.TrimStart((byte)'0');
        b = b.TrimStart((byte)'0');
        return a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.SequenceCompareTo(b);
    }

    /// <summary>Where a character that is no digit sorts; the end and digits are 0.</summary>
    private static int Weight(ReadOnlySpan<byte> text, int i)
    {
        if (i >= text.Length || IsDigit(text[i])) return 0;
        var c = text[i];
        if (c == '~' || (c == '-' && i + 1 < text.Length && IsLetter(text[i + 1]))) return -1;
        return IsLetter(c) ? c : c + 256;
    }

    private static bool IsDigit(byte c) => c is >= (byte)'0' and <= (byte)'9';

    private static bool IsLetter(byte c) => (c | 0x20) is >= (byte)'a' and <= (byte)'z';
}
