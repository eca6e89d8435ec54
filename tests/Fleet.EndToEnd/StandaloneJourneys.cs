namespace Fleet.EndToEnd;

/// <summary>One program on one machine.</summary>
public sealed class StandaloneJourneys : Journeys
{
    internal override ProgramUnderTest New(params (string Name, string Value)[] environment) => new(environment);
}
