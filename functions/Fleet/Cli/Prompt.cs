namespace Fleet.Cli;

/// <summary>Asks for what must not stand on the screen or in the shell's history.</summary>
internal static class Prompt
{
    /// <summary>What is typed, or the first line of standard input where that is no terminal.</summary>
    public static string Hidden(string question)
    {
        if (Console.IsInputRedirected) return Console.ReadLine() ?? "";
        Console.Error.Write(question + ": ");
        var typed = new System.Text.StringBuilder();
        for (; ; )
        {
            var key = Console.ReadKey(intercept: true);
            if (key.Key == ConsoleKey.Enter)
            {
                Console.Error.WriteLine();
                return typed.ToString();
            }

            if (key.Key == ConsoleKey.Backspace && typed.Length > 0) typed.Length--;
            else if (!char.IsControl(key.KeyChar)) typed.Append(key.KeyChar);
        }
    }
}
