namespace Fleet.EndToEnd;

/// <summary>The published folder behind a Functions host, with Azure's services.</summary>
public sealed class FunctionsJourneys : Journeys
{
    internal override ProgramUnderTest New(params (string Name, string Value)[] environment) => new FunctionsUnderTest(environment);
}
