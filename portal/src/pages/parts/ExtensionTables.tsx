import { Button, Field, Input } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, use, type Schemas } from "../../api";
import { Section } from "../../parts/basics";
import { FormDialog } from "../../parts/FormDialog";
import { useTalk } from "../../parts/talk";
import { useMay } from "../../session";

type Table = Schemas["ExtensionTable"];

/** Tables that extensions of osquery add: without them, the check refuses queries that read them. */
export function ExtensionTables() {
  const mayWrite = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<Table | null>(null);
  const tables = use.useQuery("get", "/api/extension-tables", { params: { query: { take: 500 } } }, { staleTime: 30_000 }).data?.items ?? [];
  const remove = async (table: Table) => {
    if (!(await talk.ask({ title: `Forget ${table.name}?`, text: "Queries that read it are refused when they are saved next. Those that are there stay as they are.", action: "Forget it", danger: true }))) return;
    await api.DELETE("/api/extension-tables/{name}", { params: { path: { name: table.name } } });
    await queries.invalidateQueries();
  };
  return (
    <Section title="Tables of extensions" actions={mayWrite && <Button size="small" onClick={() => setEditing({ name: "", columns: [], isLearned: false })}>Name a table</Button>}>
      {tables.length === 0 ? <span className="muted">If your machines run extensions of osquery, name the tables that they add, so that queries may read them. Answers about osquery_registry name them too.</span> : (
        <ul className="plain">
          {tables.map((table) => (
            <li key={table.name} className="row">
              <code>{table.name}</code>
              <span className="muted grow">{table.columns.length > 0 ? table.columns.join(", ") : "columns are not known: any may be read"}{table.isLearned && " (learned from machines)"}</span>
              {mayWrite && <><Button size="small" appearance="subtle" aria-label={`Edit ${table.name}`} onClick={() => setEditing(table)}>Edit</Button><Button size="small" appearance="subtle" aria-label={`Forget ${table.name}`} onClick={() => void remove(table).catch(talk.fail)}>Forget…</Button></>}
            </li>
          ))}
        </ul>
      )}
      {editing && <Form table={editing} onClose={() => setEditing(null)} />}
    </Section>
  );
}

function Form({ table, onClose }: { table: Table; onClose: () => void }) {
  const queries = useQueryClient();
  const [name, setName] = useState(table.name);
  const [columns, setColumns] = useState(table.columns.join(", "));
  const save = async () => {
    await api.PUT("/api/extension-tables/{name}", { params: { path: { name: name.trim() } }, body: { columns: columns.split(/[\s,]+/).filter(Boolean) } });
    await queries.invalidateQueries();
  };
  return (
    <FormDialog title={table.name ? `Table ${table.name}` : "Name a table"} action="Save" isReady={name.trim() !== ""} onClose={onClose} onDone={save}>
      {(wrong) => (
        <>
          {!table.name && <Field label="Name" required validationMessage={wrong("name")}><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} placeholder="munki_info" /></Field>}
          <Field label="Columns" hint="Separated by commas. Without any, queries may read any column." validationMessage={wrong("columns")}><Input value={columns} onChange={(_, data) => setColumns(data.value)} placeholder="version, success" /></Field>
        </>
      )}
    </FormDialog>
  );
}
