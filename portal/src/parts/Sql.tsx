import { sql, SQLite } from "@codemirror/lang-sql";
import { linter, type Diagnostic } from "@codemirror/lint";
import { Badge, Caption1, Input, MessageBar, MessageBarBody, Subtitle2 } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { CodeEditor } from "./Code";
import { platformName } from "./format";

/** osquery's tables, as the server knows them; they never change while it runs. */
export function useTables() {
  return use.useQuery("get", "/api/schema/tables", {}, { staleTime: Infinity }).data;
}

/** What the server thinks of a query. */
export function useCheck(text: string) {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), 400);
    return () => clearTimeout(timer);
  }, [text]);
  return useQuery({
    queryKey: ["check", settled], enabled: settled.trim() !== "", staleTime: Infinity,
    queryFn: ({ signal }) => body(api.POST("/api/queries/check", { body: { sql: settled }, signal })),
  }).data;
}

export const Platforms = ({ of }: { of: readonly string[] }) => <span className="badges">{of.map((one) => <Badge key={one} appearance="outline" color="informative">{platformName(one)}</Badge>)}</span>;

interface Props {
  value: string;
  onChange: (text: string) => void;
  onRun?: () => void;
  readOnly?: boolean;
  label?: string;
}

/** SQL with osquery's tables: completion, a check by the server, and the table that is being written about beside it. */
export function SqlEditor({ value, onChange, onRun, readOnly = false, label = "SQL" }: Props) {
  const schema = useTables();
  const [cursor, setCursor] = useState(0);
  const verdict = useCheck(value);
  const language = useMemo(() => [
    sql({ dialect: SQLite, upperCaseKeywords: false, schema: Object.fromEntries((schema?.tables ?? []).filter((table) => !table.until).map((table) => [table.name, table.columns.filter((column) => !column.until).map((column) => ({ label: column.name, type: "property", detail: column.type }))])) }),
    linter((view): Diagnostic[] => (verdict && !verdict.valid && verdict.message ? [{ from: 0, to: view.state.doc.length, severity: "error", message: verdict.message }] : [])),
  ], [schema, verdict]);
  const table = useMemo(() => tableAt(value, cursor, schema?.tables ?? []), [value, cursor, schema]);
  return (
    <div className="sql">
      <div className="sql-main">
        <CodeEditor label={label} value={value} onChange={onChange} onCursor={setCursor} language={language} readOnly={readOnly} placeholder="select name, path, pid from processes" {...(onRun ? { onRun } : {})} />
        <div className="sql-verdict" aria-live="polite">
          {value.trim() === "" || !verdict ? <Caption1 className="muted">{onRun ? "Ctrl-Enter runs it." : "Checked as you type."}</Caption1>
            : verdict.valid ? <span className="badges"><Badge appearance="tint" color="success">Valid</Badge><Platforms of={verdict.platforms} /></span>
              : <MessageBar intent="error" layout="multiline"><MessageBarBody>{verdict.message}</MessageBarBody></MessageBar>}
          {value.trim() !== "" && verdict?.notes.map((note) => <Caption1 key={note} as="p">{note}</Caption1>)}
        </div>
      </div>
      <TablePanel table={table} tables={schema?.tables ?? []} onPick={readOnly ? undefined : (text) => onChange(value.trim() === "" ? `select * from ${text}` : `${value.trimEnd()} ${text}`)} />
    </div>
  );
}

/** The table nearest to the cursor. */
export function tableAt(text: string, cursor: number, tables: Schemas["SchemaTable"][]): Schemas["SchemaTable"] | undefined {
  const byName = new Map(tables.map((table) => [table.name, table]));
  let found: Schemas["SchemaTable"] | undefined;
  let distance = Infinity;
  for (const word of text.matchAll(/[a-z_][a-z0-9_]*/gi)) {
    const table = byName.get(word[0].toLowerCase());
    const away = table ? Math.min(Math.abs(word.index - cursor), Math.abs(word.index + word[0].length - cursor)) : Infinity;
    if (away < distance) [found, distance] = [table, away];
  }
  return found;
}

/** From and to which version of osquery something is there, where that is not always. */
const Versions = ({ of }: { of: { since?: string | null; until?: string | null } }) => <>
  {of.since && <Badge appearance="outline" color="informative">from {of.since}</Badge>}
  {of.until && <Badge appearance="tint" color="warning">until {of.until}</Badge>}
</>;

function TablePanel({ table, tables, onPick }: { table: Schemas["SchemaTable"] | undefined; tables: Schemas["SchemaTable"][]; onPick: ((text: string) => void) | undefined }) {
  const [search, setSearch] = useState("");
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const shown = wanted ? tables.filter((one) => one.name.includes(wanted)).slice(0, 60) : [];
  return (
    <aside className="tables" aria-label="osquery's tables">
      <Input size="small" placeholder="Find a table" aria-label="Find a table" value={search} onChange={(_, data) => setSearch(data.value)} />
      {wanted ? (
        <ul className="plain">{shown.map((one) => <li key={one.name}><button type="button" className="linkish" disabled={!onPick} onClick={() => { onPick?.(one.name); setSearch(""); }}>{one.name}</button> <Caption1 className="muted">{one.platforms.map(platformName).join(", ")}</Caption1></li>)}</ul>
      ) : table ? (
        <>
          <Subtitle2 as="p">{table.name}</Subtitle2>
          <div className="badges"><Platforms of={table.platforms} />{table.evented && <Badge appearance="tint" color="informative">events</Badge>}{table.sensitive && <Badge appearance="tint" color="warning">sensitive</Badge>}<Versions of={table} /></div>
          <dl className="columns">{table.columns.map((column) => <div key={column.name}><dt>{column.name}{column.flags.includes("required") && <strong title="Needs a value in the WHERE clause"> *</strong>}</dt><dd>{column.type.toLowerCase()} <Versions of={column} /></dd></div>)}</dl>
          {table.columns.some((column) => column.flags.includes("required")) && <Caption1 className="muted">* needs a value in the WHERE clause</Caption1>}
        </>
      ) : <Caption1 className="muted">The columns of the table you write about appear here. osquery has {tables.length || "hundreds of"} tables.</Caption1>}
    </aside>
  );
}
