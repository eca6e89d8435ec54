namespace Fleet.EndToEnd;

/// <summary>The native program as its image has it.</summary>
public sealed class ContainerJourneys : Journeys
{
    internal override ProgramUnderTest New(params (string Name, string Value)[] environment) => new ContainerUnderTest(environment);
}
