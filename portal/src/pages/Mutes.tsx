import { Button, Field, Input } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Empty, Go, Page, State, Tags, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { FormDialog } from "../parts/FormDialog";
import { usePages } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { TagEditor } from "../parts/TagEditor";
import { useMay } from "../session";
import { Choice } from "./Nodes";
import { TimeRange } from "./parts/TimeRange";

type Mute = Schemas["Mute"];

const stateOf = (mute: Mute, now = Date.now()) => (Date.parse(mute.to) <= now ? "over" : Date.parse(mute.from) > now ? "waiting" : "running");

/** Times in which nobody is told of alerts. */
export function MutesPage() {
  const mayWrite = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const rows = usePages<Mute>(["mutes"], (page, take, signal) => body(api.GET("/api/mutes", { params: { query: { page, take } }, signal })), 30_000);
  const rules = use.useQuery("get", "/api/rules", { params: { query: { take: 500 } } }, { staleTime: 30_000 });
  const remove = async (mute: Mute) => {
    if (!(await talk.ask({ title: stateOf(mute) === "running" ? "End the silence?" : "Delete it?", text: stateOf(mute) === "running" ? "Alerts that it held back and that are still open are told of now." : "Nothing else changes.", action: stateOf(mute) === "running" ? "End it" : "Delete it" }))) return;
    await api.DELETE("/api/mutes/{id}", { params: { path: { id: mute.id } } });
    await queries.invalidateQueries();
    talk.tell("Alerts are told of again");
  };
  const columns: Column<Mute>[] = [
    { id: "state", name: "State", width: "100px", narrow: true, cell: (mute) => <State of={stateOf(mute)} /> },
    { id: "reason", name: "Reason", width: "minmax(200px, 3fr)", narrow: true, cell: (mute) => mute.reason },
    { id: "tags", name: "Nodes", width: "minmax(110px, 1.5fr)", cell: (mute) => (mute.tags.length === 0 ? <span className="muted">all</span> : <Tags of={mute.tags} />) },
    { id: "rules", name: "Rules", width: "minmax(110px, 1.5fr)", cell: (mute) => (mute.ruleIds.length === 0 ? <span className="muted">all</span> : mute.ruleIds.map((id) => rules.data?.items.find((rule) => rule.id === id)?.name ?? id).join(", ")) },
    { id: "from", name: "From", width: "150px", cell: (mute) => <When at={mute.from} plain /> },
    { id: "to", name: "To", width: "150px", cell: (mute) => <When at={mute.to} plain /> },
    { id: "by", name: "By", width: "80px", cell: (mute) => mute.createdBy },
    ...(mayWrite ? [{ id: "end", name: "Change", width: "90px", narrow: true, cell: (mute: Mute) => <Button size="small" onClick={() => void remove(mute).catch(talk.fail)}>{stateOf(mute) === "running" ? "End…" : "Delete…"}</Button> }] : []),
  ];
  const make = <Button appearance="primary" icon={<AddRegular />} onClick={() => setMaking(true)}>New silence</Button>;
  return (
    <Page title="Maintenance" under={<>While it lasts nobody is told of alerts. They are kept, and told of afterwards if they are still open. <Go to="/alerts">All alerts</Go></>} actions={mayWrite && make}>
      <DataTable name="Maintenance" id="mutes" columns={columns} rows={rows} rowKey={(mute) => mute.id} noun={["silence", "silences"]} empty={<Empty title="Every alert is told of" action={mayWrite && make}>Before machines are worked on, say which and for how long.</Empty>} />
      {isMaking && <Form rules={rules.data?.items ?? []} onClose={() => setMaking(false)} />}
    </Page>
  );
}

function Form({ rules, onClose }: { rules: Schemas["Rule"][]; onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const [range, setRange] = useState(() => ({ from: "", to: new Date(Date.now() + 3_600_000).toISOString() }));
  const [reason, setReason] = useState("");
  const [tags, setTags] = useState<string[]>([]);
  const [ruleIds, setRuleIds] = useState<string[]>([]);
  const save = async () => {
    await api.POST("/api/mutes", { body: { reason, tags, ruleIds, to: range.to, ...(range.from ? { from: range.from } : {}) } });
    await queries.invalidateQueries();
    talk.tell("Nobody is told of these alerts for that time");
  };
  return (
    <FormDialog title="New silence" action="Begin" isReady={reason.trim() !== "" && range.to !== ""} onClose={onClose} onDone={save}>
      {(of) => (
        <>
          <Field label="Reason" required validationMessage={of("reason")}><Input autoFocus value={reason} onChange={(_, data) => setReason(data.value)} placeholder="The database moves" /></Field>
          <div className="row end"><TimeRange from={range.from} to={range.to} onChange={(changed) => setRange((before) => ({ from: "from" in changed ? changed.from ?? "" : before.from, to: "to" in changed ? changed.to ?? "" : before.to }))} /></div>
          <span className="muted">{of("to") ?? "Left empty, it begins now."}</span>
          <Field label="Nodes with any of these tags" hint="None: all nodes." validationMessage={of("tags")}><TagEditor name="Tags" tags={tags} onChange={setTags} /></Field>
          <Field label="Rules" hint="None: all rules." validationMessage={of("ruleIds")}><Choice label="Rules" placeholder="All rules" many={ruleIds} options={rules.map((rule) => [rule.id, rule.name])} onChange={(many) => setRuleIds(many?.split(",") ?? [])} /></Field>
        </>
      )}
    </FormDialog>
  );
}
