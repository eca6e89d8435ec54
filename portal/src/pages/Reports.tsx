import { SearchBox, Switch } from "@fluentui/react-components";
import { useParams } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Go, Page, Section, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { ExportMenu } from "../parts/Export";
import { fixed, useCursor } from "../parts/rows";
import { useAddress } from "../search";
import { useResultNames } from "./Results";
import { NodeName } from "./parts/NodeName";

/** What each node holds now, by query. */
export function ReportsPage() {
  const names = useResultNames();
  const [text, setText] = useState("");
  const shown = names.filter((name) => !name.startsWith("fleet/") && name.toLowerCase().includes(text.toLowerCase()));
  return (
    <Page title="Reports" under="What each node holds now: added and removed rows applied, snapshots replaced.">
      <DataTable name="Reports" columns={[{ id: "query", name: "Query", narrow: true, width: "minmax(240px, 3fr)", cell: (name) => <Go to="/reports/$query" params={{ query: name }} className="mono">{name}</Go> }, { id: "history", name: "Its history", width: "140px", cell: (name) => <Go to="/results" search={{ query: name }}>search results</Go> }]}
        rows={fixed(shown)} rowKey={(name) => name} noun={["query", "queries"]} tools={<SearchBox placeholder="Find a query" aria-label="Find a query" value={text} onChange={(_, data) => setText(data.value)} />}
        empty={<Empty title={text ? "No query is called that" : "Nothing is scheduled yet"} action={<Go to="/queries">To the queries</Go>}>A report is there for each query of the schedule and of packs.</Empty>} />
    </Page>
  );
}

interface Line {
  nodeId: string;
  updatedAt: string;
  values: Record<string, unknown>;
  truncated: boolean;
}

export function ReportPage() {
  const { query } = useParams({ strict: false }) as { query: string };
  const at = useAddress();
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const node = at.one("node");
  const found = useCursor<Schemas["Report"]>(["report", query, node], (after, signal) => body(api.GET("/api/reports/{query}", { params: { path: { query }, query: { node: node || undefined, take: 200, after } }, signal })), { refetchInterval: 30_000 });
  const lines = useMemo(() => {
    const all: Line[] = [];
    for (const report of found.loaded) {
      for (const row of report.rows as Record<string, unknown>[]) if (!wanted || Object.values(row).some((value) => String(value).toLowerCase().includes(wanted))) all.push({ nodeId: report.nodeId, updatedAt: report.updatedAt, values: row, truncated: report.truncated });
    }
    return all;
  }, [found.loaded, wanted]);
  const names = useMemo(() => [...new Set(lines.slice(0, 2_000).flatMap((line) => Object.keys(line.values)))], [lines]);
  const columns = useMemo<Column<Line>[]>(() => [
    { id: "node", name: "Node", narrow: true, width: "minmax(140px, 200px)", cell: (line) => <NodeName id={line.nodeId} /> },
    ...names.map((name, i) => ({ id: "c-" + name, name, narrow: i === 0, width: "minmax(120px, 1fr)", cell: (line: Line) => <span title={String(line.values[name] ?? "")}>{String(line.values[name] ?? "")}</span> })),
    { id: "updated", name: "As of", width: "140px", cell: (line) => <When at={line.updatedAt} /> },
  ], [names]);
  const keys = useMemo(() => new Map(lines.map((line, i) => [line, String(i)])), [lines]);
  const rows = { ...fixed(lines), onRange: (first: number, last: number) => found.onRange(first, last >= lines.length - 30 ? found.count : 0), isLoading: found.isLoading, isFetching: found.isFetching, error: found.error, refetch: found.refetch, total: found.total === undefined ? undefined : lines.length };
  const isTruncated = lines.some((line) => line.truncated);
  return (
    <Page title={query} under={<>What each node holds now. <Go to="/results" search={{ query }}>Its history</Go></>} actions={<ExportMenu path={`/api/report-exports/${query.split("/").map(encodeURIComponent).join("/")}`} query={{}} />}>
      {isTruncated && <Section><span>Some nodes hold more rows than a report keeps; their results have all of them.</span></Section>}
      <DataTable name={`Report of ${query}`} columns={columns} rows={rows} rowKey={(line) => keys.get(line) ?? ""} noun={["row", "rows"]}
        tools={<><SearchBox placeholder="Rows that hold…" aria-label="Find in rows" value={text} onChange={(_, data) => setText(data.value)} />{node && <Switch checked label={<>Only <NodeName id={node} /></>} onChange={() => at.set({ node: undefined })} />}</>}
        empty={<Empty title={wanted || node ? "No row is like that" : "No node has reported this yet"}>Rows appear once nodes have run the query and sent what they found.</Empty>} />
    </Page>
  );
}
