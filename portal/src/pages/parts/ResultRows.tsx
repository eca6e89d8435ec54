import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle } from "@fluentui/react-components";
import { useState, type ReactNode } from "react";
import type { Schemas } from "../../api";
import { Copyable, Fact, Go, State, When } from "../../parts/basics";
import { pretty } from "../../parts/Code";
import { type Column, DataTable } from "../../parts/DataTable";
import type { RowSource } from "../../parts/rows";
import { useMay } from "../../session";
import { NodeName } from "./NodeName";

type Result = Schemas["Result"];

const inline = (columns: object) => Object.entries(columns).map(([name, value]) => `${name}=${String(value)}`).join("  ");

/** Lines of results, each with all it holds on a click. */
export function ResultRows({ name, rows, withNode = true, empty, tools, height }: { name: string; rows: RowSource<Result>; withNode?: boolean; empty: ReactNode; tools?: ReactNode; height?: string }) {
  const [open, setOpen] = useState<Result | null>(null);
  const columns: Column<Result>[] = [
    { id: "time", name: "Time", width: "150px", cell: (row) => <When at={row.time} /> },
    ...(withNode ? [{ id: "node", name: "Node", width: "minmax(120px, 180px)", cell: (row: Result) => <NodeName id={row.nodeId} name={null} /> }] : []),
    { id: "query", name: "Query", width: "minmax(140px, 220px)", narrow: true, cell: (row) => <Go to="/results" search={{ query: row.name }} className="mono">{row.name}</Go> },
    { id: "action", name: "Action", width: "100px", cell: (row) => (row.fault ? <State of="unreadable" title={row.fault} /> : <State of={row.action} />) },
    { id: "columns", name: "Columns", width: "minmax(260px, 4fr)", narrow: true, cell: (row) => <button type="button" className="linkish mono" onClick={() => setOpen(row)}>{row.fault ? row.raw : inline(row.columns) || "no columns"}</button> },
  ];
  return (
    <>
      <DataTable name={name} columns={columns} rows={rows} rowKey={(row) => `${row.nodeId}${row.time}${row.name}${row.counter ?? ""}${row.action}${inline(row.columns)}`} empty={empty} tools={tools} noun={["line", "lines"]} {...(height ? { height } : {})} />
      {open && <LineDialog line={open} onClose={() => setOpen(null)} />}
    </>
  );
}

function LineDialog({ line, onClose }: { line: Result; onClose: () => void }) {
  const isOperator = useMay("operator");
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && onClose()}>
      <DialogSurface>
        <DialogBody onClick={(event) => { if ((event.target as Element).closest("a[href]")) onClose(); }}>
          <DialogTitle>{line.name}</DialogTitle>
          <DialogContent className="stack">
            <dl className="facts">
              <Fact name="Node"><NodeName id={line.nodeId} name={null} /></Fact>
              <Fact name="Time"><When at={line.time} plain /></Fact>
              <Fact name="Action">{line.action}</Fact>
              {Object.entries(line.columns).map(([column, value]) => (
                <Fact key={column} name={column}><Go to="/results" search={{ query: line.name, [`column.${column}`]: String(value) }} title="Find the same elsewhere">{String(value) || <span className="muted">empty</span>}</Go></Fact>
              ))}
            </dl>
            <details><summary>As JSON</summary><Copyable name="the line" text={pretty(line)} /></details>
          </DialogContent>
          <DialogActions>
            {isOperator && <Go to="/rules/$id" params={{ id: "+new" }} search={{ query: line.name }} state={{ line: { name: line.name, action: line.action, hostIdentifier: line.hostIdentifier, columns: line.columns } } as never}>Write a rule for this</Go>}
            <Button onClick={onClose}>Close</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
