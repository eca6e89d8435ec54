import { Button, Dropdown, Field, Input, Option, Switch, Textarea } from "@fluentui/react-components";
import { FlashRegular } from "@fluentui/react-icons";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { faultOf, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section } from "../parts/basics";
import { grouped, platformName, span } from "../parts/format";
import { SqlEditor, useCheck } from "../parts/Sql";
import { TagEditor } from "../parts/TagEditor";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Refused, Sending, SendingSwitches } from "./parts/Sending";
import { History, isNew, ItemMenu, ItemsPage, kinds, Reach, useHeld, useItem, useItemWrites } from "./parts/items";

type Query = Schemas["Query"];

export function QueriesPage() {
  return (
    <ItemsPage<Query> kind={kinds.queries} title="Queries" about="Scheduled for the nodes that carry one of their tags."
      columns={[
        { id: "sql", name: "SQL", width: "minmax(240px, 3fr)", cell: (query) => <><Sending of={query} /> <span className="mono muted" title={query.sql}>{query.sql}</span></> },
        { id: "interval", name: "Every", width: "80px", cell: (query) => span(query.interval) },
        { id: "platform", name: "Platform", width: "110px", cell: (query) => (query.platform ? query.platform.split(",").map(platformName).join(", ") : <span className="muted">any</span>) },
        { id: "description", name: "Description", width: "minmax(160px, 1fr)", hidden: true, cell: (query) => query.description ?? "" },
      ]}
      empty={<Empty title="No query is scheduled yet" action={<Go to="/packs" search={{ import: "1" }}>Or import a pack of them</Go>}>A query asks tables of osquery again and again, and sends what changed.</Empty>} />
  );
}

const blank: Query = { name: "", sql: "", interval: 3600, platform: null, version: null, shard: null, snapshot: null, removed: true, denylist: null, description: null, value: null, tags: [], startupPriority: null, disabled: false, forced: false, fault: null };

export function QueryPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  const at = useAddress();
  const found = useItem<Query>(kinds.queries, name);
  if (isNew(name)) return <Editor key="new" query={{ ...blank, sql: at.one("sql"), name: at.one("name") }} etag={null} isNew />;
  if (found.error && !found.data) return <Page title={name}><Lacking of={found.error} what="query" /></Page>;
  if (!found.data) return <Page title={name}><Loading lines={8} /></Page>;
  return <Editor key={name} query={found.data.item} etag={found.data.etag} isNew={false} />;
}

/** Without the name, and without what says nothing. */
const bodyOf = ({ name: _, ...query }: Query) => Object.fromEntries(Object.entries(query).filter(([, value]) => value !== null));

function Editor({ query: found, etag: foundEtag, isNew }: { query: Query; etag: string | null; isNew: boolean }) {
  const mayWrite = useMay("operator");
  const navigate = useNavigate();
  const writes = useItemWrites(kinds.queries);
  const [draft, setDraft] = useState(found);
  const { item: query, etag, isDirty, fault, save } = useHeld(found, foundEtag, (base) => JSON.stringify(draft) !== JSON.stringify(base), setDraft);
  const set = (changes: Partial<Query>) => setDraft((before) => ({ ...before, ...changes }));
  const wrong = (member: string) => faultOf(fault, member);
  const write = async () => {
    await writes.save(draft.name.trim(), bodyOf(draft), etag, isNew ? undefined : bodyOf(query));
    if (isNew) await navigate({ to: "/queries/$name", params: { name: draft.name.trim() }, ignoreBlocker: true });
  };
  const verdict = useCheck(draft.sql);
  const platforms = draft.platform ? draft.platform.split(",").map((one) => one.trim()) : [];
  return (
    <Page title={isNew ? "New query" : query.name} under={<Go to="/queries">All queries</Go>}
      actions={
        <>
          {mayWrite && !isNew && <Button onClick={() => void navigate({ to: "/rules/$id", params: { id: "+new" }, search: { query: query.name } })}>Write a rule</Button>}
          {mayWrite && <Button icon={<FlashRegular />} onClick={() => void navigate({ to: "/live", search: { sql: draft.sql } })}>Run it now</Button>}
          {mayWrite && <Button appearance="primary" disabled={!isDirty || !draft.name.trim() || !draft.sql.trim()} onClick={() => save(write)}>Save</Button>}
          {!isNew && <ItemMenu kind={kinds.queries} name={query.name} what={bodyOf(query)} etag={etag} />}
        </>
      }>
      <Problem of={fault} />
      {query.fault && <Refused of={query} />}
      <Section>
        {isNew && <Field label="Name" required className="narrow" validationMessage={wrong("name")}><Input value={draft.name} onChange={(_, data) => set({ name: data.value })} placeholder="listening_ports" /></Field>}
        <SqlEditor value={draft.sql} onChange={(sql) => set({ sql })} readOnly={!mayWrite} onRun={() => mayWrite && void navigate({ to: "/live", search: { sql: draft.sql } })} />
      </Section>
      <div className="grid two">
        <Section title="Schedule">
          <fieldset className="form" disabled={!mayWrite} style={{ border: 0, padding: 0, margin: 0 }}>
            <div className="fields">
              <Field label={`Interval, seconds (${span(draft.interval)})`} validationMessage={wrong("interval")}><Input type="number" min={1} max={604800} value={String(draft.interval)} onChange={(_, data) => set({ interval: Number(data.value) })} /></Field>
              <Field label="Shard, percent of machines" validationMessage={wrong("shard")}><Input type="number" min={1} max={100} placeholder="100" value={draft.shard?.toString() ?? ""} onChange={(_, data) => set({ shard: data.value === "" ? null : Number(data.value) })} /></Field>
              <Field label="Platforms" validationMessage={wrong("platform")}><Dropdown multiselect placeholder="Any" selectedOptions={platforms} value={platforms.map(platformName).join(", ")} onOptionSelect={(_, data) => set({ platform: data.selectedOptions.join(",") || null })}>{["linux", "darwin", "windows", "freebsd", "posix"].map((one) => <Option key={one} value={one}>{platformName(one)}</Option>)}</Dropdown></Field>
              <Field label="Least osquery version" validationMessage={wrong("version")}><Input placeholder="any" value={draft.version ?? ""} onChange={(_, data) => set({ version: data.value || null })} /></Field>
            </div>
            <Switch label="Snapshot: everything each time, instead of what changed" checked={draft.snapshot === true} onChange={(_, data) => set({ snapshot: data.checked ? true : null })} />
            <Switch label="Log rows that went away" checked={draft.removed !== false} disabled={draft.snapshot === true} onChange={(_, data) => set({ removed: data.checked })} />
            <SendingSwitches of={draft} fault={verdict?.valid === false ? verdict.message : query.fault} onChange={set} />
            <Switch label="Agents may denylist it when it costs too much" checked={draft.denylist !== false} onChange={(_, data) => set({ denylist: data.checked ? null : false })} />
          </fieldset>
        </Section>
        <Section title="Who gets it">
          <Field label="Tags" hint="Nodes that carry any of them. Without tags, no node." validationMessage={wrong("tags")}><TagEditor name="Tags of the query" tags={draft.tags} onChange={(tags) => set({ tags })} disabled={!mayWrite} placeholder="No node yet: add a tag" /></Field>
          <Field label="Description"><Textarea value={draft.description ?? ""} onChange={(_, data) => set({ description: data.value || null })} readOnly={!mayWrite} /></Field>
          <Field label="What its results are good for"><Textarea value={draft.value ?? ""} onChange={(_, data) => set({ value: data.value || null })} readOnly={!mayWrite} /></Field>
        </Section>
      </div>
      {!isNew && (
        <div className="grid two">
          <div className="stack">
            <Reach kind={kinds.queries} name={query.name} />
            <Section title="Its results"><div className="row"><Go to="/results" search={{ query: query.name }}>Search its results</Go><Go to="/reports/$query" params={{ query: query.name }}>What each node holds now</Go></div><span className="muted">Asked about {grouped(Math.round(86_400 / Math.max(1, draft.interval)))} times a day on each node.</span></Section>
          </div>
          <History kind={kinds.queries} name={query.name} current={query} />
        </div>
      )}
    </Page>
  );
}
