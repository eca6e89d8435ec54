import { Link, Tab, TabList } from "@fluentui/react-components";
import { useState } from "react";
import type { Schemas } from "../../api";
import { Copyable } from "../../parts/basics";
import { install, installer } from "./installers";

/** How a machine comes to enroll, by platform: osquery, three files, a start. */
export function Setup({ setup, secret }: { setup: Schemas["AgentSetup"]; secret: string | null }) {
  const [chosen, setChosen] = useState(guess);
  const platform = setup.platforms.find((one) => one.name === chosen) ?? setup.platforms[0]!;
  const shown = secret ?? "PASTE THE SECRET HERE";
  return (
    <div className="stack">
      <TabList selectedValue={platform.name} onTabSelect={(_, data) => setChosen(String(data.value))}>{setup.platforms.map((one) => <Tab key={one.name} value={one.name}>{one.title}</Tab>)}</TabList>
      <ol className="steps">
        <li>
          <p>Install osquery{install[platform.name] ? ":" : <>, from <Link href="https://osquery.io/downloads" target="_blank" rel="noreferrer" inline>osquery.io/downloads</Link>.</>}</p>
          {install[platform.name] && <Copyable name="the command that installs osquery" text={install[platform.name]!} />}
        </li>
        <li>
          <p>Run this {platform.name === "windows" ? "in PowerShell as an administrator" : "in a terminal"}. It writes the secret{setup.certificate ? ", this server's certificate" : ""} and the flagfile to <code>{platform.folder}</code>, and starts osquery.</p>
          <Copyable name="the installer" text={installer(platform, setup, shown)} />
          {!secret && <p className="muted">Make a secret above, and it stands in this line.</p>}
        </li>
        <li><p>The machine appears under “Nodes” within seconds.</p></li>
      </ol>
      {platform.needs.length > 0 && (
        <details>
          <summary>What {platform.title} needs for more</summary>
          <div className="stack" style={{ paddingTop: 10 }}>
            {platform.needs.map((need) => (
              <div key={need.for} className="stack">
                <span><strong>{need.for}.</strong> {need.text}</span>
                {need.flags.length > 0 && <Copyable name={`the flags for ${need.for.toLowerCase()}`} text={need.flags.join("\n")} />}
              </div>
            ))}
          </div>
        </details>
      )}
      <details>
        <summary>The files one by one</summary>
        <div className="stack" style={{ paddingTop: 10 }}>
          <span className="mono">{platform.folder}osquery.flags</span>
          <Copyable name="the flagfile" text={platform.flags.join("\n")} />
          {setup.certificate && <><span className="mono">{platform.folder}fleet.crt</span><Copyable name="the certificate" text={setup.certificate} /></>}
          <span className="mono">{platform.folder}enroll-secret</span>
          <Copyable name="the secret" text={shown} />
        </div>
      </details>
    </div>
  );
}

function guess(): string {
  const agent = navigator.userAgent;
  return agent.includes("Windows") ? "windows" : agent.includes("Mac") ? "darwin" : "linux";
}
