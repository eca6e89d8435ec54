import type { ReactNode } from "react";
import type { Schemas } from "../../api";
import { State, When } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import type { RowSource } from "../../parts/rows";
import { NodeName } from "./NodeName";

type Status = Schemas["Status"];

export const severities = ["info", "warning", "error", "fatal"];

/** What agents say of themselves. */
export function StatusRows({ rows, withNode = true, empty, tools }: { rows: RowSource<Status>; withNode?: boolean; empty: ReactNode; tools?: ReactNode }) {
  const columns: Column<Status>[] = [
    { id: "time", name: "Time", width: "150px", cell: (row) => <When at={row.time} /> },
    ...(withNode ? [{ id: "node", name: "Node", width: "minmax(120px, 180px)", cell: (row: Status) => <NodeName id={row.nodeId} /> }] : []),
    { id: "severity", name: "Severity", width: "100px", narrow: true, cell: (row) => <State of={severities[row.severity] ?? String(row.severity)} /> },
    { id: "message", name: "Message", width: "minmax(300px, 4fr)", narrow: true, cell: (row) => <span title={row.message}>{row.message}</span> },
    { id: "place", name: "Place", width: "160px", cell: (row) => <span className="mono muted">{row.filename}:{row.line}</span> },
    { id: "version", name: "osquery", width: "90px", cell: (row) => row.version },
  ];
  return <DataTable name="Status logs" columns={columns} rows={rows} rowKey={(row) => `${row.nodeId}${row.time}${row.filename}${row.line}${row.message}`} empty={empty} tools={tools} noun={["line", "lines"]} />;
}
