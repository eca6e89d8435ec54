import { Button, Field, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, MessageBar, MessageBarBody, ProgressBar, SearchBox, Tab, TabList, Textarea } from "@fluentui/react-components";
import { MoreHorizontalRegular, ShareRegular } from "@fluentui/react-icons";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Copyable, Empty, Fact, Go, Loading, Num, Page, Section, State, Tags, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { CodeEditor } from "../parts/Code";
import { type Column, DataTable } from "../parts/DataTable";
import { ExportMenu } from "../parts/Export";
import { counted, grouped } from "../parts/format";
import { fixed, useCursor } from "../parts/rows";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Choice } from "./Nodes";
import { NodeName } from "./parts/NodeName";
import { type AnswerRow, useCampaignStream, type Watched } from "./parts/stream";

type Campaign = Schemas["Campaign"];

export function CampaignPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const found = use.useQuery("get", "/api/campaigns/{id}", { params: { path: { id } } }, { refetchInterval: 15_000 });
  if (found.error && !found.data) return <Page title="Campaign"><Lacking of={found.error} what="campaign" /></Page>;
  if (!found.data) return <Page title="Campaign"><Loading lines={8} /></Page>;
  return <Watch key={id} campaign={found.data} refetch={() => void found.refetch()} />;
}

function Watch({ campaign, refetch }: { campaign: Campaign; refetch: () => void }) {
  const at = useAddress();
  const talk = useTalk();
  const navigate = useNavigate();
  const isOperator = useMay("operator");
  const watched = useCampaignStream(campaign.id);
  const [dialog, setDialog] = useState<"save" | "repeat" | null>(null);
  const counts = watched.counts ?? campaign.counts;
  const isOver = watched.isOver || !["active", "waiting"].includes(campaign.status);
  const tab = at.one("tab") || "rows";
  const cancel = async () => {
    if (!(await talk.ask({ title: "Stop asking?", text: "Nodes that have not fetched the question are not asked any more. Answers that came stay.", action: "Stop asking" }))) return;
    await api.POST("/api/campaigns/{id}/cancel", { params: { path: { id: campaign.id } } });
    refetch();
  };
  const settled = counts.done + counts.failed + counts.expired;
  return (
    <Page title={campaign.description || "Campaign"} under={<>Asked by {campaign.createdBy} <When at={campaign.createdAt} /> · <State of={isOver && campaign.status === "active" ? "complete" : campaign.status} /></>}
      actions={
        <>
          {isOperator && !isOver && <Button onClick={() => void cancel().catch(talk.fail)}>Stop</Button>}
          {isOperator && <Button onClick={() => setDialog("repeat")}>Run again</Button>}
          <ExportMenu path={`/api/campaigns/${campaign.id}/export`} query={{}} />
          <Button icon={<ShareRegular />} onClick={() => void talk.ask({ title: "Share this page", text: <><p>Whoever may sign in here sees it, with the answers that come later.</p><Copyable name="the link" text={location.origin + campaign.link} /></>, action: "Done" })}>Share</Button>
          {isOperator && (
            <Menu>
              <MenuTrigger disableButtonEnhancement><Button icon={<MoreHorizontalRegular />} aria-label="More" /></MenuTrigger>
              <MenuPopover><MenuList><MenuItem onClick={() => setDialog("save")}>Save as query…</MenuItem><MenuItem onClick={() => void navigate({ to: "/live", search: { sql: campaign.sql } })}>Edit and ask again</MenuItem></MenuList></MenuPopover>
            </Menu>
          )}
        </>
      }>
      {watched.isLost && !isOver && <MessageBar intent="warning"><MessageBarBody>The connection was lost. The page comes back by itself, and nothing is lost.</MessageBarBody></MessageBar>}
      <div>
        <ProgressBar value={counts.targeted === 0 ? 1 : settled / counts.targeted} thickness="large" aria-label="Answered" />
        <div className="row counters" style={{ marginTop: 10 }}>
          <Counter name="targeted" of={counts.targeted} search={{ tab: "nodes" }} /><Counter name="waiting" of={counts.new} search={{ tab: "nodes", status: "new" }} /><Counter name="sent" of={counts.sent} search={{ tab: "nodes", status: "sent" }} /><Counter name="answered" of={counts.done} search={{ tab: "nodes", status: "done" }} /><Counter name="empty" of={watched.empty.length} search={{ tab: "empty" }} /><Counter name="failed" of={counts.failed} search={{ tab: "errors" }} /><Counter name="expired" of={counts.expired} search={{ tab: "nodes", status: "expired" }} />
        </div>
      </div>
      <TabList selectedValue={tab} onTabSelect={(_, data) => at.set({ tab: String(data.value), status: undefined })} aria-label="Answers">
        <Tab value="rows">Rows ({grouped(watched.rows.length)})</Tab>
        <Tab value="errors">Errors ({grouped(watched.failed.length)})</Tab>
        <Tab value="empty">Without rows ({grouped(watched.empty.length)})</Tab>
        <Tab value="nodes">Nodes ({grouped(counts.targeted)})</Tab>
        <Tab value="about">About</Tab>
      </TabList>
      {tab === "rows" && <RowsTable watched={watched} isOver={isOver} />}
      {tab === "errors" && <DataTable name="Errors" columns={[{ id: "node", name: "Node", narrow: true, width: "minmax(160px, 240px)", cell: (one) => <NodeName id={one.nodeId} /> }, { id: "error", name: "Error", narrow: true, width: "minmax(300px, 4fr)", cell: (one) => one.error }, { id: "at", name: "When", width: "150px", cell: (one) => <When at={one.answeredAt ?? null} /> }]} rows={fixed(watched.failed)} rowKey={(one) => one.nodeId} noun={["error", "errors"]} empty={<Empty title="No errors" />} />}
      {tab === "empty" && <DataTable name="Nodes without rows" columns={[{ id: "node", name: "Node", narrow: true, cell: (one) => <NodeName id={one} /> }]} rows={fixed(watched.empty)} rowKey={(one) => one} noun={["node", "nodes"]} empty={<Empty title="None">Every node that answered has rows.</Empty>} />}
      {tab === "nodes" && <Nodes id={campaign.id} isOver={isOver} />}
      {tab === "about" && <About campaign={campaign} />}
      {dialog === "save" && <SaveDialog campaign={campaign} onClose={() => setDialog(null)} />}
      {dialog === "repeat" && <RepeatDialog campaign={campaign} onClose={() => setDialog(null)} />}
    </Page>
  );
}

const Counter = ({ name, of, search }: { name: string; of: number; search: Record<string, string> }) => <Go to="." search={search} replace className="counter"><strong><Num of={of} /></strong> <span className="muted">{name}</span></Go>;

/** How far each node has come. */
function Nodes({ id, isOver }: { id: string; isOver: boolean }) {
  const at = useAddress();
  const status = at.one("status");
  const rows = useCursor<Schemas["CampaignNode"]>(["campaign-nodes", id, status], (after, signal) => body(api.GET("/api/campaigns/{id}/nodes", { params: { path: { id }, query: { status: status || undefined, take: 200, after } }, signal })), isOver ? {} : { refetchInterval: 5_000 });
  return (
    <DataTable name="Nodes that are asked" rows={rows} rowKey={(one) => one.nodeId} noun={["node", "nodes"]} empty={<Empty title="No node is there" />}
      tools={<Choice label="Status" single many={at.many("status").filter(Boolean)} options={["new", "sent", "done", "failed", "expired"].map((one) => [one, one === "new" ? "waiting" : one])} onChange={(chosen) => at.set({ status: chosen })} />}
      columns={[
        { id: "node", name: "Node", narrow: true, width: "minmax(160px, 2fr)", cell: (one) => <NodeName id={one.nodeId} /> },
        { id: "status", name: "Status", narrow: true, width: "110px", cell: (one) => <State of={one.status === "new" ? "waiting" : one.status} /> },
        { id: "sent", name: "Fetched it", width: "150px", cell: (one) => one.sentAt && <When at={one.sentAt} /> },
        { id: "answered", name: "Answered", width: "150px", cell: (one) => one.answeredAt && <When at={one.answeredAt} /> },
        { id: "took", name: "Took", width: "100px", cell: (one) => (one.wallMs == null ? "" : `${grouped(one.wallMs)} ms`) },
      ]} />
  );
}

/** Rows as they come; what is typed keeps those that hold it. */
function RowsTable({ watched, isOver }: { watched: Watched; isOver: boolean }) {
  const [text, setText] = useState("");
  const wanted = useDeferredValue(text.trim().toLowerCase());
  const shown = useMemo(() => (wanted ? watched.rows.filter((row) => Object.values(row.values).some((value) => String(value).toLowerCase().includes(wanted))) : watched.rows), [watched, wanted, watched.version]);
  const columns = useMemo<Column<AnswerRow>[]>(() => [
    { id: "node", name: "Node", narrow: true, width: "minmax(140px, 200px)", cell: (row) => <NodeName id={row.nodeId} /> },
    ...watched.columns.map((column, i) => ({ id: "c-" + column, name: column, narrow: i === 0, width: "minmax(120px, 1fr)", cell: (row: AnswerRow) => <span title={String(row.values[column] ?? "")}>{String(row.values[column] ?? "")}</span> })),
  ], [watched, watched.columns.length]);
  const keys = useMemo(() => new WeakMap<AnswerRow, string>(), []);
  return (
    <>
      {watched.large.length > 0 && <MessageBar intent="info" layout="multiline"><MessageBarBody>{counted(watched.large.length, "answer is", "answers are")} large, and fetched one by one, up to 500,000 rows in all. The export has everything. {watched.large.slice(0, 5).map((one) => <span key={one.nodeId}><NodeName id={one.nodeId} /> </span>)}</MessageBarBody></MessageBar>}
      <DataTable name="Rows" columns={columns} rows={fixed(shown)} rowKey={(row) => keyOf(keys, row)} noun={["row", "rows"]} tools={<SearchBox placeholder="Rows that hold…" aria-label="Find in rows" value={text} onChange={(_, data) => setText(data.value)} />}
        empty={wanted ? <Empty title="No row holds that" /> : isOver ? <Empty title="There are no rows">Nobody who answered had any.</Empty> : !watched.counts ? <Loading lines={6} /> : <Empty title="Waiting for answers">Machines answer as they check in, usually within a minute. The page can be closed meanwhile.</Empty>} />
    </>
  );
}

let made = 0;

function keyOf(keys: WeakMap<AnswerRow, string>, row: AnswerRow): string {
  let key = keys.get(row);
  if (!key) keys.set(row, (key = String(made++)));
  return key;
}

function About({ campaign }: { campaign: Campaign }) {
  const targets = campaign.targets;
  return (
    <Section>
      <CodeEditor label="The SQL that was asked" value={campaign.sql} readOnly minHeight="0" />
      <dl className="facts">
        <Fact name="Asked of">
          {targets.all && "all nodes "}{targets.tags && targets.tags.length > 0 && <>nodes with {targets.match === "all" ? "all" : "any"} of <Tags of={targets.tags} most={20} /> </>}{targets.nodes && targets.nodes.length > 0 && <>{targets.nodes.slice(0, 20).map((node) => <span key={node}><NodeName id={node} /> </span>)}{targets.nodes.length > 20 && `and ${targets.nodes.length - 20} more `}</>}
          {targets.platforms && targets.platforms.length > 0 && `on ${targets.platforms.join(", ")} `}{targets.sample && `(${targets.sample} percent of them)`}
        </Fact>
        {campaign.includeLater && <Fact name="Later nodes">Nodes that enroll or get the tag while answers are taken are asked too.</Fact>}
        {campaign.scheduleId && <Fact name="Started by"><Go to="/campaigns" search={{ schedule: campaign.scheduleId }}>a schedule</Go></Fact>}
        {campaign.reason && <Fact name="Reason">{campaign.reason}</Fact>}
        <Fact name="Asked from">{<When at={campaign.notBefore} plain />}</Fact>
        <Fact name="Answers until"><When at={campaign.expiresAt} plain /></Fact>
        {campaign.cancelledAt && <Fact name="Stopped"><When at={campaign.cancelledAt} plain /></Fact>}
        <Fact name="Id"><code>{campaign.id}</code></Fact>
      </dl>
      <Copyable name="the address" text={location.origin + campaign.link} />
    </Section>
  );
}

function SaveDialog({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const talk = useTalk();
  const [name, setName] = useState("");
  const [interval, setInterval] = useState("3600");
  const [tags, setTags] = useState<string[]>([]);
  const save = async () => {
    const query = await body(api.POST("/api/campaigns/{id}/save", { params: { path: { id: campaign.id } }, body: { name: name.trim(), interval: Number(interval), tags } }));
    talk.tell(`${query.name} was made`, { footer: <Go to="/queries/$name" params={{ name: query.name }}>Open it</Go> });
  };
  return (
    <FormDialog title="Save as query" action="Save" byButtonOnly isReady={name.trim() !== ""} onClose={onClose} onDone={save}>
      {() => (
        <>
          <Field label="Name" required><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} /></Field>
          <Field label="Interval, seconds"><Input type="number" min={1} value={interval} onChange={(_, data) => setInterval(data.value)} /></Field>
          <Field label="Tags"><TagEditor name="Tags of the query" tags={tags} onChange={setTags} placeholder="No node yet: add a tag" /></Field>
        </>
      )}
    </FormDialog>
  );
}

function RepeatDialog({ campaign, onClose }: { campaign: Campaign; onClose: () => void }) {
  const talk = useTalk();
  const navigate = useNavigate();
  const [reason, setReason] = useState(campaign.reason);
  const run = async () => {
    const again = await body(api.POST("/api/campaigns/{id}/repeat", { params: { path: { id: campaign.id } }, body: { reason: reason || null } }));
    await navigate({ to: "/campaigns/$id", params: { id: again.id } });
    talk.tell(`${counted(again.targeted, "node is", "nodes are")} asked again`);
  };
  return (
    <FormDialog title="Run again" action="Run again" byButtonOnly onClose={onClose} onDone={run}>
      {() => (
        <>
          <p style={{ margin: 0 }}>The same question goes to the same targets, as they are now.</p><Field label="Reason"><Textarea value={reason} onChange={(_, data) => setReason(data.value)} /></Field>
        </>
      )}
    </FormDialog>
  );
}
