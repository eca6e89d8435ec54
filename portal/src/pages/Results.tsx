import { Button, Combobox, Field, Input, Option } from "@fluentui/react-components";
import { AddRegular, DismissRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Go, Page, Section } from "../parts/basics";
import { ExportMenu } from "../parts/Export";
import { useCursor } from "../parts/rows";
import { useAddress } from "../search";
import { Choice } from "./Nodes";
import { NodePicker } from "./parts/NodePicker";
import { ResultRows } from "./parts/ResultRows";
import { TimeRange } from "./parts/TimeRange";

const actions: [string, string][] = ["added", "removed", "snapshot", "triggered"].map((one) => [one, one]);
const tests: [string, string][] = [["", "is"], [".contains", "contains"], [".begins", "begins with"]];

/** Names of results that one can ask for: the schedule's, and those of packs. */
export function useResultNames(): string[] {
  return useQuery({
    queryKey: ["result-names"], staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const [queries, packs] = await Promise.all([body(api.GET("/api/queries", { params: { query: { take: 500 } }, signal })), body(api.GET("/api/packs", { params: { query: { take: 200 } }, signal }))]);
      return [...queries.items.map((query) => query.name), ...(packs.items as { name: string; queries: object }[]).flatMap((pack) => Object.keys(pack.queries ?? {}).map((query) => `pack/${pack.name}/${query}`)), "fleet/node_enrolled", "fleet/node_silent", "fleet/batch_quarantined", "fleet/query_denylisted", "fleet/enroll_refused", "fleet/certificate_expires"];
    },
  }).data ?? [];
}

/** Search over all that was stored. Column conditions stand in the address as `column.NAME=VALUE`. */
export function ResultsPage() {
  const at = useAddress();
  const conditions = Object.entries(at.search).filter((entry): entry is [string, string] => entry[0].startsWith("column.") && entry[1] !== undefined);
  const filter = { query: at.one("query") || undefined, node: at.one("node") || undefined, tag: at.one("tag") || undefined, from: at.one("from") || undefined, to: at.one("to") || undefined, action: at.one("action") || undefined };
  const columns = Object.fromEntries(conditions);
  const rows = useCursor<Schemas["Result"]>(["results", filter, columns], async (after, signal) => body(api.GET("/api/results", { params: { query: { ...filter, ...columns, take: 200, after } as never }, signal })));
  const isFiltered = Object.values(filter).some(Boolean) || conditions.length > 0;
  return (
    <Page title="Search results" under="Everything that nodes sent, newest first." actions={<ExportMenu path="/api/results/export" query={{ ...filter, ...columns }} />}>
      <Section>
        <div className="row end">
          <QueryField value={at.one("query")} onChange={(query) => at.set({ query: query || undefined })} />
          <Field label="Nodes" className="grow"><NodePicker label="Nodes" nodes={at.many("node").filter(Boolean).slice(0, 1)} onChange={(ids) => at.set({ node: ids.at(-1) })} /></Field>
          <Field label="Action"><Choice label="Action" many={at.many("action")} options={actions} onChange={(action) => at.set({ action })} /></Field>
          <TimeRange from={at.one("from")} to={at.one("to")} onChange={(range) => at.set(range)} />
        </div>
        <Conditions conditions={conditions} />
        {isFiltered && <div><Button size="small" appearance="subtle" onClick={() => at.set(Object.fromEntries(Object.keys(at.search).map((name) => [name, undefined])))}>Clear all</Button></div>}
      </Section>
      <ResultRows name="Results" rows={rows} empty={<Empty title={isFiltered ? "Nothing found" : "No results yet"} action={isFiltered ? null : <Go to="/queries">To the queries</Go>}>{isFiltered ? "Take a condition away, or widen the time." : "They come once nodes have queries to run."}</Empty>} />
    </Page>
  );
}

function QueryField({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const names = useResultNames();
  const [text, setText] = useState(value);
  const [before, setBefore] = useState(value);
  if (before !== value) {
    setBefore(value);
    setText(value);
  }
  const offered = names.filter((name) => name.toLowerCase().includes(text.toLowerCase())).slice(0, 60);
  return (
    <Field label="Query" className="grow">
      <Combobox freeform clearable value={text} selectedOptions={value ? [value] : []} placeholder="Any query" onInput={(event) => setText((event.target as HTMLInputElement).value)} onOptionSelect={(_, data) => onChange(data.optionValue ?? "")} onBlur={() => text !== value && onChange(text)}
        onKeyDown={(event) => event.key === "Enter" && text !== value && offered.length === 0 && onChange(text)}>
        {offered.map((name) => <Option key={name} value={name}>{name}</Option>)}
      </Combobox>
    </Field>
  );
}

/** Conditions on columns: those that hold, and one that is being written. */
function Conditions({ conditions }: { conditions: [string, string][] }) {
  const at = useAddress();
  const [column, setColumn] = useState("");
  const [test, setTest] = useState("");
  const [value, setValue] = useState("");
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (!column.trim()) return;
    at.set({ [`column.${column.trim()}${test}`]: value });
    setColumn("");
    setValue("");
  };
  return (
    <>
      {conditions.length > 0 && (
        <div className="row">{conditions.map(([name, wanted]) => {
          const found = tests.slice(1).find(([suffix]) => name.endsWith(suffix));
          return <Button key={name} size="small" icon={<DismissRegular />} iconPosition="after" aria-label={`Remove the condition on ${name}`} onClick={() => at.set({ [name]: undefined })}><span className="mono">{name.slice(7, found ? -found[0].length : undefined)}</span>&nbsp;{found ? found[1] : "is"}&nbsp;<span className="mono">{wanted || "empty"}</span></Button>;
        })}</div>
      )}
      <form className="row end" onSubmit={add}>
        <Field label="Column"><Input value={column} onChange={(_, data) => setColumn(data.value)} placeholder="path" /></Field>
        <Field label="Test"><select className="native" value={test} onChange={(event) => setTest(event.target.value)} aria-label="Test">{tests.map(([suffix, name]) => <option key={suffix} value={suffix}>{name}</option>)}</select></Field>
        <Field label="Value" className="grow"><Input value={value} onChange={(_, data) => setValue(data.value)} placeholder="/tmp/" /></Field>
        <Button type="submit" icon={<AddRegular />} disabled={!column.trim()}>Add condition</Button>
      </form>
    </>
  );
}

