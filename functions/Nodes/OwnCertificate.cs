namespace Fleet.Nodes;

/// <summary>The certificate that agents are told to trust, where the server has one of its own and no terminator before it.</summary>
/// <param name="Pem">With its chain, without its key; null where the machines' own authorities are meant.</param>
internal sealed record OwnCertificate(string? Pem);
