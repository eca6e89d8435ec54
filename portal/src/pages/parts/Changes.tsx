import type { Schemas } from "../../api";
import { State } from "../../parts/basics";
import { counted } from "../../parts/format";

const shown = (value: unknown) => (value === null || value === undefined ? "nothing" : typeof value === "string" ? value : JSON.stringify(value));

/** What would be added, changed and removed, member by member. */
export function Changes({ of }: { of: Schemas["ItemChange"][] }) {
  const changes = of.filter((change) => change.change !== "same");
  const same = of.length - changes.length;
  return (
    <div className="stack">
      {changes.map((change) => (
        <details key={change.kind + change.name} open={changes.length < 4}>
          <summary><State of={change.change} /> {change.kind} <strong>{change.name}</strong> <span className="muted">{counted(change.members.length, "difference")}</span></summary>
          <ul className="plain" style={{ padding: "8px 0 0 16px" }}>
            {change.members.slice(0, 200).map((member) => (
              <li key={member.path}><State of={member.change} /> <code>{member.path}</code>{" "}
                {member.change === "changed" ? <><span className="mono muted">{shown(member.before)}</span> → <span className="mono">{shown(member.after)}</span></> : <span className="mono muted">{shown(member.change === "removed" ? member.before : member.after)}</span>}</li>
            ))}
            {change.members.length > 200 && <li className="muted">and {counted(change.members.length - 200, "more", "more")}</li>}
          </ul>
        </details>
      ))}
      {same > 0 && <span className="muted">{counted(same, "item is", "items are")} the same.</span>}
    </div>
  );
}
