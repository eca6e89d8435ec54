import { CheckmarkRegular, DismissRegular } from "@fluentui/react-icons";
import type { Schemas } from "../../api";
import { type GroupJson, isGroup, worded } from "./conditions";

/** Conditions in words; with a verdict, each is marked by whether it holds for the line. */
export function ConditionTree({ of, path = "conditions", verdict }: { of: GroupJson; path?: string; verdict?: Schemas["RuleTest"] | undefined }) {
  return (
    <div className="conditions">
      <div className="muted">{of.not ? "None of these hold together: " : ""}{of.condition === "AND" ? "all of" : "any of"}</div>
      <ul className="plain">
        {of.rules.map((node, i) => {
          const place = `${path}.rules[${i}]`;
          if (isGroup(node)) return <li key={place}><ConditionTree of={node} path={place} verdict={verdict} /></li>;
          const said = worded(node);
          const one = verdict?.conditions.find((condition) => condition.path === place);
          const matches = one?.matches;
          return (
            <li key={place} className={matches === true ? "match" : matches === false ? "nomatch" : ""}>
              {matches === true && <CheckmarkRegular aria-label="Holds: " role="img" />}{matches === false && <DismissRegular aria-label="Does not hold: " role="img" />}{" "}
              <span className="mono">{said.subject}</span> <span className="muted">{said.verb}</span> {said.object && <span className="mono">{said.object}</span>}
              {one && <span className="muted">{one.matches === null ? " depends on what was seen before" : one.value === null ? " (missing)" : <> (is <span className="mono">{one.value === "" ? "empty" : one.value}</span>)</>}</span>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
