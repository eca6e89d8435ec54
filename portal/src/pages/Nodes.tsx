import { Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Dropdown, Field, MessageBar, MessageBarBody, Option, Radio, RadioGroup, SearchBox } from "@fluentui/react-components";
import { ArrowDownloadRegular, FlashRegular, TagRegular } from "@fluentui/react-icons";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { address, api, body, use, type Schemas } from "../api";
import { Empty, Go, Page, Problem, Section, State, Tags, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { counted, platformName } from "../parts/format";
import { usePages } from "../parts/rows";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useAddress, useSearchText } from "../search";
import { useMay } from "../session";

type Node = Schemas["Node"];

const statuses = ["online", "offline", "silent", "never_reported", "pending", "inactive"];
export const worded = (status: string) => status.replace("_", " ");

const columns: Column<Node>[] = [
  { id: "name", name: "Name", sort: "name", narrow: true, width: "minmax(180px, 2fr)", cell: (node) => <Go to="/nodes/$id" params={{ id: node.id }}>{node.displayName}</Go> },
  { id: "status", name: "Status", narrow: true, width: "130px", sort: "status", cell: (node) => <><State of={worded(node.status)} />{node.cloned && <State of="clone" title="Two machines behind one identifier" />}</> },
  { id: "platform", name: "Platform", sort: "platform", width: "minmax(90px, 120px)", cell: (node) => platformName(node.platform) },
  { id: "version", name: "osquery", sort: "osqueryVersion", width: "90px", cell: (node) => node.osqueryVersion },
  { id: "tags", name: "Tags", width: "minmax(160px, 2fr)", cell: (node) => <Tags of={node.tags} most={3} /> },
  { id: "seen", name: "Last seen", sort: "lastSeenAt", width: "140px", cell: (node) => <When at={node.lastSeenAt ?? null} /> },
  { id: "address", name: "Address", width: "130px", cell: (node) => <span className="mono">{node.lastAddress}</span> },
  { id: "enrolled", name: "Enrolled", sort: "enrolledAt", width: "140px", cell: (node) => <When at={node.enrolledAt ?? null} /> },
  { id: "identifier", name: "Identifier", hidden: true, width: "minmax(180px, 2fr)", sort: "hostIdentifier", cell: (node) => <span className="mono">{node.hostIdentifier}</span> },
  { id: "hardware", name: "Hardware", hidden: true, width: "minmax(140px, 1fr)", cell: (node) => [node.info.hardware_vendor, node.info.hardware_model].filter(Boolean).join(" ") },
  { id: "serial", name: "Serial", hidden: true, width: "140px", cell: (node) => node.info.hardware_serial ?? "" },
  { id: "os", name: "System", hidden: true, width: "minmax(140px, 1fr)", cell: (node) => [node.info.name, node.info.version].filter(Boolean).join(" ") },
  { id: "cpu", name: "Processor", hidden: true, width: "minmax(160px, 1fr)", cell: (node) => node.info.cpu_brand ?? "" },
];

export function NodesPage() {
  const at = useAddress();
  const isOperator = useMay("operator");
  const navigate = useNavigate();
  const [text, setText] = useSearchText();
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<Schemas["NodeFilter"] | null>(null);

  const sort = at.one("sort") || "name";
  const isDown = at.one("order") === "desc";
  const filter = useMemo(() => ({
    q: at.one("q") || undefined, tag: at.one("tag") || undefined, allTags: at.one("allTags") || undefined, noTags: at.one("noTags") || undefined, untagged: at.one("untagged") === "true" || undefined, denylisted: at.one("denylisted") || undefined,
    platform: at.one("platform") || undefined, status: at.one("status") || undefined, osqueryVersion: at.one("osqueryVersion") || undefined, seenSince: at.one("seenSince") || undefined, seenBefore: at.one("seenBefore") || undefined,
  }), [at]);
  const stats = use.useQuery("get", "/api/stats/nodes", {}, { staleTime: 60_000 });
  const rows = usePages<Node>(["nodes", filter, sort, isDown], (page, take, signal) =>
    body(api.GET("/api/nodes", { params: { query: { ...filter, sort, order: isDown ? "desc" : "asc", page, take } }, signal })), 20_000);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const asBody = (): Schemas["NodeFilter"] => (selection.size > 0 ? { ids: [...selection], untagged: false } : {
    q: filter.q ?? null, tags: at.many("tag"), allTags: at.many("allTags"), noTags: at.many("noTags"), untagged: filter.untagged ?? false, platforms: at.many("platform"), statuses: at.many("status"), osqueryVersions: at.many("osqueryVersion"),
    seenSince: filter.seenSince ?? null, seenBefore: filter.seenBefore ?? null, denylisted: filter.denylisted ?? null,
  });

  if (at.one("duplicates")) return <Duplicates />;
  return (
    <Page title="Nodes" actions={
      <>
        {isOperator && selection.size > 0 && <Button icon={<FlashRegular />} onClick={() => void navigate({ to: "/live", search: { nodes: [...selection].join(",") } })}>Ask {counted(selection.size, "node")}</Button>}
        {isOperator && (selection.size > 0 || isFiltered) && <Button icon={<TagRegular />} onClick={() => setBulk(asBody())}>Change {selection.size > 0 ? counted(selection.size, "node") : `all ${counted(rows.total ?? 0, "node")}`}</Button>}
        <Button as="a" href={address("/api/nodes.csv", filter)} download icon={<ArrowDownloadRegular />}>CSV</Button>
      </>
    }>
      <div className="filters">
        <SearchBox placeholder="Name, identifier, address, hardware…" aria-label="Search nodes" value={text} onChange={(_, data) => setText(data.value)} />
        <Choice label="Status" many={at.many("status")} options={statuses.map((one) => [one, worded(one)])} onChange={(status) => at.set({ status })} />
        <Choice label="Platform" many={at.many("platform")} options={(stats.data?.platforms ?? []).filter((one) => one.name !== "").map((one) => [one.name, platformName(one.name)])} onChange={(platform) => at.set({ platform })} />
        <Choice label="osquery" many={at.many("osqueryVersion")} options={(stats.data?.osqueryVersions ?? []).filter((one) => one.name !== "").map((one) => [one.name, one.name || "unknown"])} onChange={(osqueryVersion) => at.set({ osqueryVersion })} />
        <TagChoice many={at.one("untagged") ? [untagged] : at.many("tag")} onChange={(tag) => { const isNone = tag?.split(",").includes(untagged) && !at.one("untagged"); at.set({ tag: isNone ? undefined : tag?.split(",").filter((one) => one !== untagged).join(",") || undefined, untagged: isNone ? "true" : undefined }); }} />
        {isFiltered && <Button appearance="subtle" onClick={() => { setText(""); at.set({ q: undefined, tag: undefined, allTags: undefined, noTags: undefined, untagged: undefined, platform: undefined, status: undefined, osqueryVersion: undefined, seenSince: undefined, seenBefore: undefined, denylisted: undefined }); }}>Clear filters</Button>}
      </div>
      <DataTable name="Nodes" id="nodes" columns={columns} rows={rows} rowKey={(node) => node.id} sort={{ by: sort, down: isDown }} onSort={(by, down) => at.set({ sort: by, order: down ? "desc" : "asc" })} noun={["node", "nodes"]}
        {...(isOperator ? { selection, onSelect: setSelection } : {})}
        empty={isFiltered ? <Empty title="No node is like that">Take a filter away, or look for another name.</Empty> : <Empty title="No machine has enrolled yet" action={<Go to="/enrollment">Enroll a machine</Go>}>Start osqueryd with a flagfile and an enroll secret, and it appears here within seconds.</Empty>} />
      {bulk && <BulkChange filter={bulk} onClose={(changed) => { setBulk(null); if (changed) setSelection(new Set()); }} />}
    </Page>
  );
}

/** One of the address's lists as a field. */
export function Choice({ label, placeholder = label, many, options, onChange, single = false }: { label: string; placeholder?: string; many: string[]; single?: boolean; options: [string, string][]; onChange: (many: string | undefined) => void }) {
  return (
    <Dropdown multiselect={!single} clearable={single} aria-label={label} placeholder={placeholder} selectedOptions={many} value={many.length === 0 ? "" : many.length === 1 ? options.find(([value]) => value === many[0])?.[1] ?? many[0]! : `${label}: ${many.length}`} style={{ minWidth: 130 }}
      onOptionSelect={(_, data) => onChange(data.selectedOptions.join(",") || undefined)}>
      {options.map(([value, name]) => <Option key={value} value={value}>{name}</Option>)}
    </Dropdown>
  );
}

/** Stands for nodes without tags; no tag is called that. */
const untagged = "\u0000";

function TagChoice({ many, onChange }: { many: string[]; onChange: (many: string | undefined) => void }) {
  const tags = use.useQuery("get", "/api/tags", { params: { query: { take: 200 } } }, { staleTime: 30_000 });
  return <Choice label="Tag" many={many} options={[[untagged, "no tags at all"], ...(tags.data?.items ?? []).map((tag): [string, string] => [tag.name, tag.name])]} onChange={onChange} />;
}

/** Tags or state of many nodes: first what it would do, then it is done. */
function BulkChange({ filter, onClose }: { filter: Schemas["NodeFilter"]; onClose: (changed: boolean) => void }) {
  const talk = useTalk();
  const [add, setAdd] = useState<string[]>([]);
  const [remove, setRemove] = useState<string[]>([]);
  const [state, setState] = useState("keep");
  const [dry, setDry] = useState<Schemas["Bulk"] | null>(null);
  const change = use.useMutation("post", "/api/nodes/bulk");
  const patch: Schemas["NodePatch"] = { ...(add.length > 0 ? { addTags: add } : {}), ...(remove.length > 0 ? { removeTags: remove } : {}), ...(state === "keep" ? {} : { active: state === "active" }) };
  const hasChange = Object.keys(patch).length > 0;
  useEffect(() => setDry(null), [add, remove, state]);
  const run = async (dryRun: boolean) => {
    const came = await change.mutateAsync({ body: { filter, change: patch, dryRun } });
    if (dryRun) setDry(came);
    else {
      talk.tell(`${counted(came.changed, "node was", "nodes were")} changed`);
      onClose(true);
    }
  };
  return (
    <Dialog open onOpenChange={(_, data) => !data.open && onClose(false)}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Change many nodes</DialogTitle>
          <DialogContent className="form">
            <Field label="Add tags"><TagEditor name="Tags to add" tags={add} onChange={setAdd} /></Field>
            <Field label="Remove tags"><TagEditor name="Tags to remove" tags={remove} onChange={setRemove} /></Field>
            <Field label="State"><RadioGroup layout="horizontal" value={state} onChange={(_, data) => setState(data.value)}><Radio value="keep" label="As it is" /><Radio value="active" label="Active" /><Radio value="inactive" label="Inactive" /></RadioGroup></Field>
            {state === "inactive" && <MessageBar intent="warning" layout="multiline"><MessageBarBody>Inactive nodes get no configuration and no questions, and their logs are refused: agents keep them.</MessageBarBody></MessageBar>}
            <Problem of={change.error} />
            {dry && <MessageBar intent="info" layout="multiline"><MessageBarBody>Of {counted(dry.matched, "node")} {counted(dry.changed, "would change", "would change")}{dry.sample.length > 0 && <>: {dry.sample.slice(0, 8).map((one) => one.displayName).join(", ")}{dry.changed > 8 ? ", …" : ""}</>}.</MessageBarBody></MessageBar>}
          </DialogContent>
          <DialogActions>
            <Button onClick={() => onClose(false)}>Cancel</Button>
            {dry ? <Button appearance="primary" disabled={change.isPending || dry.changed === 0} onClick={() => void run(false).catch(() => {})}>Change {counted(dry.changed, "node")}</Button>
              : <Button appearance="primary" disabled={!hasChange || change.isPending} onClick={() => void run(true).catch(() => {})}>See what would change</Button>}
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

/** Nodes that two machines speak for. */
function Duplicates() {
  const found = use.useQuery("get", "/api/nodes/duplicates", {});
  const resolve = use.useMutation("post", "/api/nodes/{id}/duplicates/resolve");
  const split = use.useMutation("post", "/api/nodes/{id}/duplicates/split");
  const isOperator = useMay("operator");
  const talk = useTalk();
  return (
    <Page title="Two machines behind one identifier" under={<Go to="/nodes">All nodes</Go>}>
      <Problem of={found.error ?? resolve.error ?? split.error} />
      {found.data?.items.length === 0 && <Empty title="There are none">Every identifier belongs to one machine.</Empty>}
      {found.data?.items.map((one) => (
        <Section key={one.nodeId} title={<Go to="/nodes/$id" params={{ id: one.nodeId }}>{one.displayName}</Go>}>
          <p>These instances of osquery call themselves <code>{one.hostIdentifier}</code>. Machines that were cloned from one image often do. Split them, and each gets a node of its own with the same tags; or keep one, and forget the others. All enroll again within a minute or so.</p>
          <ul className="plain">{one.instanceIds.map((id) => (
            <li key={id} className="row"><code className="grow">{id}</code>{isOperator && <Button size="small" appearance="primary" onClick={() => void split.mutateAsync({ params: { path: { id: one.nodeId } }, body: { keep: id } }).then(() => talk.tell("The others become nodes of their own when they enroll again"), talk.fail)}>Split, and keep the node for this one</Button>}{isOperator && <Button size="small" onClick={() => void resolve.mutateAsync({ params: { path: { id: one.nodeId } }, body: { keep: id } }).then(() => talk.tell("The node belongs to one instance now"), talk.fail)}>Keep this one</Button>}</li>
          ))}</ul>
        </Section>
      ))}
    </Page>
  );
}
