import { Button, Field, Input, Switch } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Fact, Go, Page, Section, State, When } from "../parts/basics";
import { Diff, pretty } from "../parts/Code";
import { type Column, DataTable } from "../parts/DataTable";
import { ExportMenu } from "../parts/Export";
import { useCursor } from "../parts/rows";
import { useAddress } from "../search";
import { TimeRange } from "./parts/TimeRange";

type Entry = Schemas["Audit"];

/** Who did what. */
export function AuditPage() {
  const at = useAddress();
  const [open, setOpen] = useState<Entry | null>(null);
  const filter = { actor: at.one("actor") || undefined, action: at.one("action") || undefined, target: at.one("target") || undefined, from: at.one("from") || undefined, to: at.one("to") || undefined, failed: at.one("failed") ? true : undefined };
  const rows = useCursor<Entry>(["audit", filter], (after, signal) => body(api.GET("/api/audit", { params: { query: { ...filter, take: 100, after } }, signal })), { refetchInterval: 30_000 });
  const columns: Column<Entry>[] = [
    { id: "at", name: "When", width: "150px", narrow: true, cell: (entry) => <When at={entry.at} /> },
    { id: "actor", name: "Who", width: "minmax(120px, 180px)", narrow: true, cell: (entry) => <button type="button" className="linkish" onClick={() => at.set({ actor: entry.actor })}>{entry.actor}</button> },
    { id: "action", name: "What", width: "minmax(160px, 1fr)", narrow: true, cell: (entry) => <button type="button" className="linkish" onClick={() => setOpen(entry)}>{entry.action}</button> },
    { id: "target", name: "To what", width: "minmax(180px, 2fr)", cell: (entry) => <span className="mono" title={entry.target}>{entry.target}</span> },
    { id: "status", name: "Outcome", width: "110px", cell: (entry) => <Outcome of={entry.status} /> },
    { id: "reason", name: "Reason", width: "minmax(120px, 1fr)", cell: (entry) => <span title={entry.reason ?? ""}>{entry.reason}</span> },
    { id: "address", name: "From", width: "140px", cell: (entry) => <span className="mono">{entry.address}</span> },
  ];
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page title="Audit log" under="Every change and every look at what is sensitive, with who and from where." actions={<ExportMenu path="/api/audit/export" query={filter} />}>
      <div className="row end">
        <Typed label="Who" name="actor" /><Typed label="What" name="action" /><Typed label="To what" name="target" />
        <TimeRange from={at.one("from")} to={at.one("to")} onChange={(range) => at.set(range)} />
        <Switch label="Refused or failed only" checked={at.one("failed") !== ""} onChange={(_, data) => at.set({ failed: data.checked ? "1" : undefined })} />
        {isFiltered && <Button appearance="subtle" onClick={() => at.set({ actor: undefined, action: undefined, target: undefined, from: undefined, to: undefined, failed: undefined })}>Clear filters</Button>}
      </div>
      {open && <Detail entry={open} onClose={() => setOpen(null)} />}
      <DataTable name="Audit log" columns={columns} rows={rows} rowKey={(entry) => entry.id} noun={["entry", "entries"]} empty={<Empty title={isFiltered ? "No entry is like that" : "Nothing was done yet"}>{isFiltered ? "Names are compared whole." : "What people change from here on is written down."}</Empty>} />
    </Page>
  );
}

const Outcome = ({ of }: { of: number | null | undefined }) => (of == null ? <span className="muted">began</span> : <State of={of < 400 ? "done" : of === 401 || of === 403 ? "refused" : "failed"} title={`Answered ${of}`} />);

function Typed({ label, name }: { label: string; name: string }) {
  const at = useAddress();
  const value = at.one(name);
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return <Field label={label}><Input value={text} onChange={(_, data) => setText(data.value)} onBlur={() => text !== value && at.set({ [name]: text || undefined })} onKeyDown={(event) => event.key === "Enter" && at.set({ [name]: text || undefined })} /></Field>;
}

function Detail({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const hasChange = entry.before !== null || entry.after !== null;
  return (
    <Section title={entry.action} actions={<Button size="small" onClick={onClose}>Close</Button>}>
      <dl className="facts">
        <Fact name="When"><When at={entry.at} plain /></Fact>
        <Fact name="Who"><Go to="/audit" search={{ actor: entry.actor }}>{entry.actor}</Go> <span className="muted">by {entry.method}</span></Fact>
        <Fact name="To what"><span className="mono">{entry.target}</span></Fact>
        <Fact name="Path"><span className="mono">{entry.path}</span></Fact>
        <Fact name="Outcome"><Outcome of={entry.status} /> {entry.status}</Fact>
        {entry.reason && <Fact name="Reason">{entry.reason}</Fact>}
        {entry.address && <Fact name="From"><span className="mono">{entry.address}</span></Fact>}
      </dl>
      {hasChange && <Diff label="What changed" before={entry.before === null ? "" : pretty(entry.before)} after={entry.after === null ? "" : pretty(entry.after)} />}
    </Section>
  );
}
