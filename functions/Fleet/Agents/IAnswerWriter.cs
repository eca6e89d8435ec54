namespace Fleet.Agents;

/// <summary>Writes what an agent is told. Which one does depends on who would answer if this process died.</summary>
internal interface IAnswerWriter
{
    /// <summary>Called before anything else is done for the request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="mayPack">Whether the answer may be packed with gzip: the call does so, and the agent asks for it.</param>
    ValueTask OpenAsync(HttpContext context, bool mayPack);

    /// <summary>Writes the answer to its end.</summary>
    /// <param name="context">The request.</param>
    /// <param name="answer">What is told.</param>
    /// <param name="isUnread">An error for an agent that takes any JSON for success: the body must not be JSON.</param>
    ValueTask CloseAsync(HttpContext context, AgentAnswer answer, bool isUnread);
}
