import { Button, Dropdown, Field, Input, MessageBar, MessageBarBody, Option } from "@fluentui/react-components";
import { AddRegular, ArrowUploadRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useRef, useState, type DragEvent } from "react";
import { api, body, Fault, ifMatch, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section, Tags } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { JsonEditor, pretty } from "../parts/Code";
import { type Column, DataTable } from "../parts/DataTable";
import { counted, span } from "../parts/format";
import { fixed } from "../parts/rows";
import { useRunning } from "../parts/running";
import { SqlEditor, useCheck } from "../parts/Sql";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Changes } from "./parts/Changes";
import { Refused, Sending, SendingSwitches } from "./parts/Sending";
import { History, isNew, ItemMenu, ItemsPage, kinds, notesOf, Reach, useItem, useItemWrites, useUnsaved } from "./parts/items";

interface PackQuery extends Record<string, unknown> {
  query: string;
  interval?: number;
  platform?: string;
  description?: string;
  snapshot?: boolean;
  disabled?: boolean;
  forced?: boolean;
  fault?: string;
}

type Pack = Record<string, unknown> & { name: string; tags: string[]; queries: Record<string, PackQuery>; platform?: string; version?: string; shard?: number };

export function PacksPage() {
  const at = useAddress();
  const isOperator = useMay("operator");
  return (
    <ItemsPage<Pack> kind={kinds.packs} title="Packs" about="Queries that belong together, as osquery's pack files hold them."
      actions={<Button icon={<ArrowUploadRegular />} onClick={() => at.set({ import: at.one("import") ? undefined : "1" })}>Import a file</Button>}
      columns={[
        { id: "queries", name: "Queries", width: "90px", cell: (pack) => Object.keys(pack.queries ?? {}).length },
        { id: "platform", name: "Platform", width: "120px", cell: (pack) => pack.platform ?? <span className="muted">any</span> },
        { id: "discovery", name: "Discovery", width: "110px", hidden: true, cell: (pack) => (Array.isArray(pack.discovery) ? counted(pack.discovery.length, "query", "queries") : "") },
      ]}
      empty={<Empty title="No packs yet" action={isOperator && <Button appearance="primary" onClick={() => at.set({ import: "1" })}>Import a pack file</Button>}>osquery's own packs are files of JSON: drop one here, and see what it would add before it does.</Empty>}>
      {at.one("import") && isOperator && <Import />}
    </ItemsPage>
  );
}

/** What is done with queries of a file that are not valid. */
const allowed = { "": "Refuse the file", disabled: "Take them, disabled", forced: "Take them, and send them to agents" };
type Allow = keyof typeof allowed;

/** A pack, or a whole osquery configuration, from a file: first what would change, then it is done. */
function Import() {
  const at = useAddress();
  const talk = useTalk();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [file, setFile] = useState<{ name: string; text: string } | null>(null);
  const [name, setName] = useState("");
  const [tags, setTags] = useState<string[]>([]);
  const [preview, setPreview] = useState<Schemas["Import"] | null>(null);
  const [fault, setFault] = useState<unknown>(null);
  const [allow, setAllow] = useState<Allow>("");
  const [isOver, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const looks = useRef(0);
  const send = (text: string, as: string, tagged: string[], allowed: Allow, dryRun: boolean) =>
    body(api.POST("/api/import", { params: { query: { name: as, ...(tagged.length > 0 ? { tags: tagged.join(",") } : {}), ...(allowed ? { allow: allowed } : {}), dryRun } }, body: text as never, bodySerializer: (raw) => raw as unknown as string, headers: { "Content-Type": "application/json" } }));
  const look = async (text: string, as: string, tagged: string[], allowed: Allow) => {
    const turn = ++looks.current;
    setFault(null);
    try {
      const came = await send(text, as, tagged, allowed, true);
      if (turn === looks.current) setPreview(came);
    } catch (refused) {
      if (turn !== looks.current) return;
      setPreview(null);
      setFault(refused);
    }
  };
  const take = async (taken: File | undefined) => {
    if (!taken) return;
    const text = await taken.text();
    const as = taken.name.replace(/\.(conf|json|pack)$/i, "");
    setFile({ name: taken.name, text });
    setName(as);
    await look(text, as, tags, allow);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void take(event.dataTransfer.files[0]);
  };
  const apply = async () => {
    try {
      const done = await send(file!.text, name, tags, allow, false);
      await queries.invalidateQueries();
      const count = done.changes.filter((change) => change.change !== "same").length;
      talk.tell(`${counted(count, "item was", "items were")} imported`);
      const packs = done.changes.filter((change) => change.kind === "packs");
      if (packs.length === 1) await navigate({ to: "/packs/$name", params: { name: packs[0]!.name } });
      else at.set({ import: undefined });
    } catch (refused) {
      setFault(refused);
    }
  };
  return (
    <Section title="Import" actions={<Button size="small" appearance="subtle" onClick={() => at.set({ import: undefined })}>Close</Button>}>
      <div className={isOver ? "drop over" : "drop"} onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <span>{file ? <>File <strong>{file.name}</strong></> : "Drop a pack file or an osquery configuration here"}</span>
        <Button onClick={() => input.current?.click()}>Choose a file</Button>
        <input ref={input} type="file" accept=".conf,.json,.pack,application/json" hidden aria-label="A pack file" onChange={(event) => { void take(event.target.files?.[0]); event.target.value = ""; }} />
      </div>
      {file && (
        <div className="row end">
          <Field label="Name of the pack" className="grow"><Input value={name} onChange={(_, data) => setName(data.value)} onBlur={() => void look(file.text, name, tags, allow)} /></Field>
          <Field label="Tags of what is new" className="grow"><TagEditor name="Tags of what is imported" tags={tags} onChange={(next) => { setTags(next); void look(file.text, name, next, allow); }} placeholder="No node yet: add a tag" /></Field>
          <Field label="Queries that are not valid" className="grow"><Dropdown value={allowed[allow]} selectedOptions={[allow]} onOptionSelect={(_, data) => { const next = data.optionValue as Allow; setAllow(next); void look(file.text, name, tags, next); }}>{(Object.keys(allowed) as Allow[]).map((one) => <Option key={one} value={one}>{allowed[one]}</Option>)}</Dropdown></Field>
        </div>
      )}
      <Problem of={fault} />
      {preview && (
        <>
          <Told title="Left out" of={preview.leftOut} />
          <Told title="To know" of={preview.notes} />
          {preview.changes.every((change) => change.change === "same") ? <MessageBar intent="info"><MessageBarBody>All of it is here already.</MessageBarBody></MessageBar> : <Changes of={preview.changes} />}
          {preview.packFiles.length > 0 && <MessageBar intent="warning" layout="multiline"><MessageBarBody>It names pack files that are not in it: {preview.packFiles.join(", ")}. Import them too.</MessageBarBody></MessageBar>}
          <div><Button appearance="primary" disabled={preview.changes.every((change) => change.change === "same")} onClick={() => void apply()}>Import</Button></div>
        </>
      )}
    </Section>
  );
}

/** What there is to say of a file, by its place. */
function Told({ title, of }: { title: string; of: Schemas["FieldError"][] }) {
  if (of.length === 0) return null;
  return (
    <details open={of.length < 8}>
      <summary><strong>{title}</strong> <span className="muted">{counted(of.length, "note")}</span></summary>
      <ul className="plain" style={{ padding: "8px 0 0 16px" }}>{of.map((note) => <li key={note.path + note.message}><code>{note.path}</code> {note.message}</li>)}</ul>
    </details>
  );
}

export function PackPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  const found = useItem<Pack>(kinds.packs, name);
  if (isNew(name)) return <NewPack />;
  if (found.error && !found.data) return <Page title={name}><Lacking of={found.error} what="pack" /></Page>;
  if (!found.data) return <Page title={name}><Loading lines={8} /></Page>;
  return <Whole key={name} pack={found.data.item} etag={found.data.etag} />;
}

const bodyOf = ({ name: _, ...pack }: Pack) => pack;

function NewPack() {
  const writes = useItemWrites(kinds.packs);
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [tags, setTags] = useState<string[]>([]);
  const [fault, setFault] = useState<unknown>(null);
  const save = async () => {
    try {
      await writes.save(name.trim(), { queries: {}, tags }, null);
      await navigate({ to: "/packs/$name", params: { name: name.trim() } });
    } catch (refused) {
      setFault(refused);
    }
  };
  return (
    <Page title="New pack" under={<Go to="/packs">All packs</Go>}>
      <form className="form narrow" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <Field label="Name" required><Input value={name} onChange={(_, data) => setName(data.value)} placeholder="incident-response" /></Field>
        <Field label="Tags" hint="Nodes that carry any of them get the pack. Without tags, no node."><TagEditor name="Tags of the pack" tags={tags} onChange={setTags} placeholder="No node yet: add a tag" /></Field>
        <Problem of={fault} />
        <div className="row"><Button type="submit" appearance="primary" disabled={!name.trim()}>Make it</Button><Go to="/packs" search={{ import: "1" }}>Import a file instead</Go></div>
      </form>
    </Page>
  );
}

function Whole({ pack, etag }: { pack: Pack; etag: string | null }) {
  const mayWrite = useMay("operator");
  const writes = useItemWrites(kinds.packs);
  const talk = useTalk();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<string | null>(null);
  // The text and the state of the pack that it was made from.
  const [draft, setDraft] = useState<{ text: string; from: string; etag: string | null } | null>(null);
  const [isTagging, tag] = useRunning();
  useUnsaved(draft !== null && draft.text !== draft.from);
  const [fault, setFault] = useState<unknown>(null);
  const entries = Object.entries(pack.queries);
  const saveText = async () => {
    setFault(null);
    try {
      await writes.save(pack.name, JSON.parse(draft!.text) as Pack, draft!.etag, bodyOf(pack));
      setDraft(null);
    } catch (refused) {
      setFault(refused);
    }
  };
  const remove = async (query: string) => {
    const before = pack.queries[query];
    await api.DELETE("/api/packs/{name}/queries/{query}", { params: { path: { name: pack.name, query } }, headers: ifMatch(etag) });
    await queries.invalidateQueries();
    talk.tell(`${query} was taken out of the pack`, { undo: async () => { await api.PUT("/api/packs/{name}/queries/{query}", { params: { path: { name: pack.name, query } }, body: before as never }); await queries.invalidateQueries(); } });
  };
  const columns: Column<[string, PackQuery]>[] = [
    { id: "name", name: "Query", narrow: true, width: "minmax(160px, 1fr)", cell: ([name]) => (mayWrite ? <button type="button" className="linkish" onClick={() => setEditing(name)}>{name}</button> : name) },
    { id: "sql", name: "SQL", width: "minmax(260px, 3fr)", cell: ([, query]) => <><Sending of={query} /> <span className="mono muted" title={query.query}>{query.query}</span></> },
    { id: "interval", name: "Every", width: "80px", narrow: true, cell: ([, query]) => (query.interval ? span(Number(query.interval)) : "") },
    { id: "results", name: "Results", width: "90px", cell: ([name]) => <Go to="/results" search={{ query: `pack/${pack.name}/${name}` }}>search</Go> },
    ...(mayWrite ? [{ id: "rule", name: "Rule", width: "80px", cell: ([name]: [string, PackQuery]) => <Go to="/rules/$id" params={{ id: "+new" }} search={{ query: `pack/${pack.name}/${name}` }}>write</Go> }] : []),
    ...(mayWrite ? [{ id: "remove", name: "Remove", width: "90px", cell: ([name]: [string, PackQuery]) => <Button size="small" appearance="subtle" aria-label={`Remove ${name}`} onClick={() => void remove(name).catch(talk.fail)}>Remove</Button> }] : []),
  ];
  return (
    <Page title={pack.name} under={<Go to="/packs">All packs</Go>} actions={mayWrite && <><Button icon={<AddRegular />} appearance="primary" onClick={() => setEditing("")}>Add a query</Button><Button onClick={() => setDraft(draft === null ? { text: pretty(bodyOf(pack)), from: pretty(bodyOf(pack)), etag } : null)}>{draft === null ? "Edit as JSON" : "Close JSON"}</Button><ItemMenu kind={kinds.packs} name={pack.name} what={bodyOf(pack)} etag={etag} /></>}>
      <Section title="Who gets it">
        {mayWrite ? <TagEditor name="Tags of the pack" tags={pack.tags} placeholder="No node yet: add a tag" disabled={isTagging || draft !== null} onChange={(tags) => tag(() => writes.save(pack.name, { ...bodyOf(pack), tags }, etag, bodyOf(pack)).catch((fault: unknown) => { talk.fail(fault); return queries.invalidateQueries({ queryKey: ["item", "packs", pack.name] }); }))} /> : <Tags of={pack.tags} most={50} />}
        <span className="muted">{pack.tags.length === 0 ? "Without tags, no node gets it." : "Nodes that carry any of these tags get it."} {pack.platform && `Platform ${pack.platform}. `}{pack.version && `From osquery ${pack.version} on. `}{pack.shard && `On ${pack.shard} percent of machines. `}</span>
      </Section>
      <Problem of={fault} />
      {draft !== null ? (
        <Section title="The pack as JSON"><JsonEditor label="The pack" value={draft.text} onChange={(text) => setDraft({ ...draft, text })} maxHeight="60vh" /><div className="row"><Button appearance="primary" onClick={() => void saveText()}>Save</Button><Button onClick={() => setDraft(null)}>Cancel</Button></div></Section>
      ) : (
        <DataTable name="Queries of the pack" columns={columns} rows={fixed(entries)} rowKey={([name]) => name} noun={["query", "queries"]} height="520px" empty={<Empty title="The pack is empty" action={mayWrite && <Button onClick={() => setEditing("")}>Add a query</Button>}>Add queries one by one, or import a file into it.</Empty>} />
      )}
      <div className="grid two"><Reach kind={kinds.packs} name={pack.name} /><History kind={kinds.packs} name={pack.name} current={pack} /></div>
      {editing !== null && <QueryDialog pack={pack} etag={etag} name={editing} onClose={() => setEditing(null)} />}
    </Page>
  );
}

/** One query of a pack; members that have no field here stay as they are. */
function QueryDialog({ pack, etag, name, onClose }: { pack: Pack; etag: string | null; name: string; onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const before = pack.queries[name] ?? { query: "", interval: 3600 };
  const [draft, setDraft] = useState<PackQuery>(before);
  const [as, setAs] = useState(name);
  const verdict = useCheck(draft.query);
  const save = async () => {
    if (!name && pack.queries[as.trim()]) throw new Fault(409, { title: "It is there already", detail: `The pack has a query '${as.trim()}': choose another name, or edit that one.` });
    const notes = notesOf(await body(api.PUT("/api/packs/{name}/queries/{query}", { params: { path: { name: pack.name, query: as.trim() } }, body: Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== "" && value !== undefined)) as never, headers: ifMatch(etag) })));
    await queries.invalidateQueries();
    talk.tell(`${as.trim()} is saved`, notes ? { intent: "warning", text: notes } : {});
  };
  return (
    <FormDialog title={name ? `Query ${name}` : "Add a query"} action="Save" byButtonOnly isWide isReady={as.trim() !== "" && draft.query.trim() !== ""} onClose={onClose} onDone={save}>
      {() => (
        <>
          {!name && <Field label="Name" required><Input value={as} onChange={(_, data) => setAs(data.value)} /></Field>}
          <SqlEditor value={draft.query} onChange={(query) => setDraft((one) => ({ ...one, query }))} />
          <div className="fields">
            <Field label="Interval, seconds"><Input type="number" min={1} value={String(draft.interval ?? "")} onChange={(_, data) => setDraft((one) => ({ ...one, interval: Number(data.value) }))} /></Field>
            <Field label="Platform"><Input placeholder="any" value={draft.platform ?? ""} onChange={(_, data) => setDraft((one) => ({ ...one, platform: data.value }))} /></Field>
          </div>
          <Field label="Description"><Input value={draft.description ?? ""} onChange={(_, data) => setDraft((one) => ({ ...one, description: data.value }))} /></Field>
          {before.fault && <Refused of={before} />}
          <SendingSwitches of={draft} fault={verdict?.valid === false ? verdict.message : before.fault} onChange={(changes) => setDraft((one) => ({ ...one, ...changes }))} />
        </>
      )}
    </FormDialog>
  );
}
