namespace Fleet.EndToEnd;

/// <summary>The native program, with the files beside it that its image has.</summary>
internal sealed class ContainerUnderTest : ProgramUnderTest
{
    public ContainerUnderTest(params (string Name, string Value)[] environment)
        : base(environment)
    {
    }

    private ContainerUnderTest(string folder, (string Name, string Value)[] environment)
        : base(folder, ownsFolder: false, environment)
    {
    }

    public override ProgramUnderTest Beside(params (string Name, string Value)[] environment) => new ContainerUnderTest(Folder, environment);

    protected override string? Program => ContainerFolder.Program;
}
