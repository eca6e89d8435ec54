namespace Fleet.Rules;

/// <summary>How many rows may be remembered together.</summary>
internal sealed class BackTestRoom(int most)
{
    private int _taken;

    /// <summary>There was more than is remembered.</summary>
    public bool IsFull { get; private set; }

    public bool TryTake()
    {
        if (_taken < most)
        {
            _taken++;
            return true;
        }

        IsFull = true;
        return false;
    }

    public void Leave() => _taken--;
}
