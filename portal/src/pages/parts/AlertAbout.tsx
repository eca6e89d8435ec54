import type { Schemas } from "../../api";
import { NodeName } from "./NodeName";

/** What an alert is about: a node, or several. */
export function About({ alert }: { alert: Schemas["Alert"] }) {
  if (alert.about) return <span>{alert.about === "fleet" ? "the fleet" : alert.about}</span>;
  return alert.nodeId ? <NodeName id={alert.nodeId} /> : <span className="muted">no node</span>;
}
