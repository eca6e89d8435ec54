import { Button } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { api, body, type Schemas } from "../../api";
import { State } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { counted } from "../../parts/format";
import { fixed } from "../../parts/rows";
import { useTalk } from "../../parts/talk";

type Imported = Schemas["ImportedRule"];

const columns: Column<Imported>[] = [
  { id: "change", name: "What happens", width: "110px", narrow: true, cell: (rule) => <State of={rule.change} /> },
  { id: "name", name: "Rule", narrow: true, width: "minmax(160px, 1fr)", cell: (rule) => rule.name || <span className="muted">without a name</span> },
  { id: "why", name: "What to know", width: "minmax(200px, 2fr)", cell: (rule) => <span title={rule.errors.map((error) => `${error.path}: ${error.message}`).join("\n")}>{rule.errors[0] ? `${rule.errors[0].path}: ${rule.errors[0].message}` : rule.missingAlerters.length > 0 ? `without ${rule.missingAlerters.join(", ")}: no alerter is called that` : ""}</span> },
];

const send = (text: string, dryRun: boolean) => body(api.POST("/api/import/doorman-rules", { params: { query: { dryRun } }, body: text as never, bodySerializer: (raw) => raw as unknown as string, headers: { "Content-Type": "application/json" } }));

/** Doorman's rules, from a file of its database. */
export function DoormanImport({ onClose }: { onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<{ name: string; text: string; rules: Imported[] } | null>(null);
  const take = async (taken: File | undefined) => {
    if (!taken) return;
    const text = await taken.text();
    try {
      setFile({ name: taken.name, text, rules: (await send(text, true)).rules });
    } catch (fault) {
      talk.fail(fault);
    }
  };
  const coming = file?.rules.filter((rule) => rule.change === "added" || rule.change === "changed").length ?? 0;
  const apply = async () => {
    await send(file!.text, false);
    await queries.invalidateQueries();
    talk.tell(`${counted(coming, "rule")} imported`);
  };
  return (
    <FormDialog title="Import Doorman's rules" action={file ? `Import ${counted(coming, "rule")}` : "Import"} isReady={coming > 0} isWide onClose={onClose} onDone={apply}>
      {() => (
        <>
          <p className="muted" style={{ margin: 0 }}>Doorman's database gives them with <code>psql -c "\\copy rule to rules.csv csv header"</code>. JSON of its rows is taken too. Rules that are broken there stop no other.</p>
          <div className="row"><Button onClick={() => input.current?.click()}>Choose a file</Button>{file?.name}</div>
          <input ref={input} type="file" accept=".csv,.json,.ndjson" hidden aria-label="A file of rules" onChange={(event) => { void take(event.target.files?.[0]); event.target.value = ""; }} />
          {file && <DataTable name="Rules in the file" columns={columns} rows={fixed(file.rules)} rowKey={(rule) => rule.id} empty={null} height="40vh" />}
        </>
      )}
    </FormDialog>
  );
}
