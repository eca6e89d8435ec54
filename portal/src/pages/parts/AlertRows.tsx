import type { ReactNode } from "react";
import type { Schemas } from "../../api";
import { Go, State, When } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import type { RowSource } from "../../parts/rows";
import { NodeName } from "./NodeName";

type Alert = Schemas["Alert"];

/** How far an alert has come, in one word. */
export function deliveryOf(alert: Alert): string {
  const states = alert.deliveries.map((one) => one.state);
  if (states.length === 0) return "no alerter";
  return ["failed", "retrying", "pending"].find((state) => states.includes(state)) ?? states[0]!;
}

/** Alerts, newest first. */
export function AlertRows({ rows, withNode = true, empty, tools }: { rows: RowSource<Alert>; withNode?: boolean; empty: ReactNode; tools?: ReactNode }) {
  const columns: Column<Alert>[] = [
    { id: "severity", name: "Severity", width: "100px", narrow: true, cell: (alert) => <State of={alert.severity} /> },
    { id: "rule", name: "Rule", width: "minmax(220px, 3fr)", narrow: true, cell: (alert) => <Go to="/alerts/$id" params={{ id: alert.id }}>{alert.ruleName}</Go> },
    ...(withNode ? [{ id: "node", name: "Node", width: "minmax(140px, 1fr)", cell: (alert: Alert) => <NodeName id={alert.nodeId} /> }] : []),
    { id: "raised", name: "Raised", width: "150px", cell: (alert) => <When at={alert.raisedAt} /> },
    { id: "delivery", name: "Delivery", width: "120px", cell: (alert) => <State of={deliveryOf(alert)} /> },
  ];
  return <DataTable name="Alerts" columns={columns} rows={rows} rowKey={(alert) => alert.id} empty={empty} tools={tools} noun={["alert", "alerts"]} />;
}
