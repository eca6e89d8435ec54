import type { ReactNode } from "react";
import type { Schemas } from "../../api";
import { Go, Num, State, When } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import type { RowSource } from "../../parts/rows";
import { About } from "./AlertAbout";

type Alert = Schemas["Alert"];

/** How far an alert has come, in one word. */
export function deliveryOf(alert: Alert): string {
  const states = alert.deliveries.map((one) => one.state);
  if (states.length === 0) return "no alerter";
  return ["failed", "retrying", "pending", "quiet", "queued"].find((state) => states.includes(state)) ?? states[0]!;
}

interface Props {
  rows: RowSource<Alert>;
  withNode?: boolean;
  empty: ReactNode;
  tools?: ReactNode;
  selection?: ReadonlySet<string>;
  onSelect?: (selection: ReadonlySet<string>) => void;
}

/** Alerts, newest first. */
export function AlertRows({ rows, withNode = true, empty, tools, selection, onSelect }: Props) {
  const columns: Column<Alert>[] = [
    { id: "severity", name: "Severity", width: "90px", narrow: true, cell: (alert) => <State of={alert.severity} /> },
    { id: "rule", name: "Alert", width: "minmax(220px, 3fr)", narrow: true, cell: (alert) => <Go to="/alerts/$id" params={{ id: alert.id }}>{alert.title}</Go> },
    ...(withNode ? [{ id: "node", name: "Node", width: "minmax(140px, 1fr)", cell: (alert: Alert) => <About alert={alert} /> }] : []),
    { id: "state", name: "State", width: "120px", narrow: true, cell: (alert) => <State of={alert.state} {...(alert.quietUntil ? { title: alert.quietBy ?? "" } : {})} /> },
    { id: "count", name: "Rows", width: "60px", cell: (alert) => <Num of={alert.count} /> },
    { id: "owner", name: "Owner", width: "minmax(90px, 1fr)", cell: (alert) => alert.owner ?? <span className="muted">nobody</span> },
    { id: "raised", name: "Raised", width: "130px", cell: (alert) => <When at={alert.raisedAt} /> },
    { id: "delivery", name: "Delivery", width: "120px", cell: (alert) => <State of={deliveryOf(alert)} /> },
  ];
  return <DataTable name="Alerts" id="alerts" columns={columns} rows={rows} rowKey={(alert) => alert.id} empty={empty} tools={tools} noun={["alert", "alerts"]} {...(selection && onSelect ? { selection, onSelect } : {})} />;
}
