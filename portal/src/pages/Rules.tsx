import { Button, SearchBox } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Go, Page, State, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { usePages } from "../parts/rows";
import { useMay } from "../session";
import { absenceWords } from "./parts/absence";
import { DoormanImport } from "./parts/DoormanImport";
import { type GroupJson, leaves, queryNames } from "./parts/conditions";

type Rule = Schemas["Rule"];

const columns: Column<Rule>[] = [
  { id: "severity", name: "Severity", width: "100px", cell: (rule) => <State of={rule.severity} /> },
  { id: "name", name: "Rule", narrow: true, width: "minmax(240px, 3fr)", cell: (rule) => <Go to="/rules/$id" params={{ id: rule.id }}>{rule.name}</Go> },
  { id: "enabled", name: "State", narrow: true, width: "90px", cell: (rule) => (rule.enabled ? <State of="on" /> : <State of="off" />) },
  { id: "watches", name: "Watches", width: "minmax(160px, 2fr)", cell: (rule) => (rule.absence ? <span className="muted">{absenceWords(rule.absence)}</span> : <span className="mono muted">{queryNames(rule.conditions as GroupJson).join(", ") || "any query"}</span>) },
  { id: "conditions", name: "Conditions", width: "100px", hidden: true, cell: (rule) => (rule.conditions ? leaves(rule.conditions as GroupJson).length : "") },
  { id: "alerters", name: "Alerters", width: "minmax(120px, 1fr)", cell: (rule) => rule.alerters.join(", ") || <span className="muted">none: in the inbox only</span> },
  { id: "alerts", name: "Alerts", width: "90px", cell: (rule) => <Go to="/alerts" search={{ ruleId: rule.id }}>see them</Go> },
  { id: "updated", name: "Changed", width: "130px", cell: (rule) => <When at={rule.updatedAt} /> },
];

/** What is looked for in results. */
export function RulesPage() {
  const mayWrite = useMay("operator");
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [isImporting, setImporting] = useState(false);
  const rows = usePages<Rule>(["rules", text], (page, take, signal) => body(api.GET("/api/rules", { params: { query: { q: text || undefined, page, take } }, signal })), 30_000);
  const make = <Button appearance="primary" icon={<AddRegular />} onClick={() => void navigate({ to: "/rules/$id", params: { id: "+new" } })}>New rule</Button>;
  return (
    <Page title="Rules" under="Every line that arrives is held against these; what matches raises an alert." actions={mayWrite && <><Button onClick={() => setImporting(true)}>Import from Doorman…</Button>{make}</>}>
      {isImporting && <DoormanImport onClose={() => setImporting(false)} />}
      <DataTable name="Rules" id="rules" columns={columns} rows={rows} rowKey={(rule) => rule.id} noun={["rule", "rules"]} tools={<SearchBox placeholder="Find a rule" aria-label="Find a rule" value={text} onChange={(_, data) => setText(data.value)} />}
        empty={text ? <Empty title="No rule is like that" /> : <Empty title="There are no rules yet" action={mayWrite && make}>A rule says which lines matter: a program that runs from /tmp, a new user, a node that fell silent. Any line under “Search” can become one.</Empty>} />
    </Page>
  );
}
