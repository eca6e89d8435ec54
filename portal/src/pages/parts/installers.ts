import type { Schemas } from "../../api";

type Setup = Pick<Schemas["AgentSetup"], "certificate">;
type Platform = Schemas["AgentPlatform"];

const sh = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const ps = (text: string) => `'${text.replaceAll("'", "''")}'`;
const lines = (text: string) => text.trimEnd().split(/\r?\n/);

/** How osquery itself gets onto the machine, as its makers offer it. */
export const install: Record<string, string> = {
  darwin: "brew install --cask osquery",
  windows: "choco install osquery -y",
};

/** One line that makes a machine with osquery enroll: it writes the secret, the certificate and the flagfile to where osquery looks, and starts it anew. */
export function installer(platform: Platform, setup: Setup, secret: string): string {
  const files: [string, string[], boolean][] = [
    [platform.folder + "enroll-secret", [secret], true],
    ...(setup.certificate ? [[platform.folder + "fleet.crt", lines(setup.certificate), false] as [string, string[], boolean]] : []),
    [platform.folder + "osquery.flags", platform.flags, false],
  ];
  if (platform.name === "windows") {
    const written = files.map(([path, content, isPrivate]) => `Set-Content -Encoding ascii -Path ${ps(path)} -Value @(${content.map(ps).join(",")})${isPrivate ? `; icacls ${ps(path)} /inheritance:r /grant '*S-1-5-18:F' /grant '*S-1-5-32-544:F'` : ""}`);
    return [...written, "Restart-Service osqueryd"].join("; ");
  }
  const written = files.map(([path, content, isPrivate]) => `${isPrivate ? `sudo install -m 600 /dev/null ${sh(path)} && ` : ""}printf '%s\\n' ${content.map(sh).join(" ")} | sudo tee ${sh(path)} >/dev/null`);
  const restart = platform.name === "darwin" ? "sudo osqueryctl restart" : "sudo systemctl enable osqueryd && sudo systemctl restart osqueryd";
  return [`sudo mkdir -p ${sh(platform.folder)}`, ...written, restart].join(" && ");
}
