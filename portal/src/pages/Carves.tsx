import { Button, Field, Input, Textarea } from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Empty, Fact, Go, Loading, Page, Section, State, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { type Column, DataTable } from "../parts/DataTable";
import { bytes } from "../parts/format";
import { useCursor } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { NodeName } from "./parts/NodeName";
import { NodePicker } from "./parts/NodePicker";

const columns: Column<Schemas["Carve"]>[] = [
  { id: "carve", name: "Carve", narrow: true, width: "minmax(160px, 1fr)", cell: (one) => <Go to="/carves/$id" params={{ id: one.id }} className="mono">{one.id.slice(0, 12)}</Go> },
  { id: "node", name: "Node", narrow: true, width: "minmax(140px, 1fr)", cell: (one) => <NodeName id={one.nodeId} /> },
  { id: "status", name: "Status", width: "110px", cell: (one) => <span title={one.reason ?? undefined}><State of={one.fault === "no-file" ? "no file" : one.status} /></span> },
  { id: "size", name: "Size", width: "100px", cell: (one) => (one.size > 0 ? bytes(one.size) : "") },
  { id: "asked", name: "Asked by", width: "140px", cell: (one) => one.campaignId && <Go to="/campaigns/$id" params={{ id: one.campaignId }}>campaign</Go> },
  { id: "created", name: "Asked", width: "140px", cell: (one) => <When at={one.createdAt} /> },
];

/** Files that were fetched from machines. */
export function CarvesPage() {
  const isOperator = useMay("operator");
  const [isAsking, setAsking] = useState(false);
  const rows = useCursor(["carves"], (after, signal) => body(api.GET("/api/carves", { params: { query: { take: 100, after } }, signal })), { refetchInterval: 10_000 });
  return (
    <Page title="File carves" under="Files fetched from machines, as archives." actions={isOperator && <Button appearance="primary" onClick={() => setAsking(true)}>Fetch files</Button>}>
      <DataTable name="Carves" columns={columns} rows={rows} rowKey={(one) => one.id} noun={["carve", "carves"]} empty={<Empty title="Nothing was fetched yet">Agents send files when they run with --disable_carver=false. Each carve needs a reason, which goes to the audit log.</Empty>} />
      {isAsking && <Ask onClose={() => setAsking(false)} />}
    </Page>
  );
}

function Ask({ onClose }: { onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const [nodes, setNodes] = useState<string[]>([]);
  const [path, setPath] = useState("");
  const [reason, setReason] = useState("");
  const ask = async () => {
    const made = await body(api.POST("/api/carves", { body: { nodeId: nodes[0]!, path, reason } }));
    await queries.invalidateQueries();
    talk.tell("The machine is asked for the files", { footer: <Go to="/campaigns/$id" params={{ id: made.campaignId }}>Follow it</Go> });
  };
  return (
    <FormDialog title="Fetch files" action="Fetch" byButtonOnly isReady={nodes.length > 0 && path.trim() !== "" && reason.trim() !== ""} onClose={onClose} onDone={ask}>
      {() => (
        <>
          <Field label="Node" required><NodePicker label="Node" nodes={nodes} onChange={(ids) => setNodes(ids.slice(-1))} /></Field>
          <Field label="Path" required hint="% stands for a name, %% for everything below"><Input value={path} onChange={(_, data) => setPath(data.value)} placeholder="/home/%/.ssh/%" /></Field>
          <Field label="Reason" required hint="It goes to the audit log."><Textarea value={reason} onChange={(_, data) => setReason(data.value)} placeholder="Ticket 1234: …" /></Field>
        </>
      )}
    </FormDialog>
  );
}

export function CarvePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const talk = useTalk();
  const navigate = useNavigate();
  const isOperator = useMay("operator");
  const carve = use.useQuery("get", "/api/carves/{id}", { params: { path: { id } } }, { refetchInterval: 10_000 });
  const isHere = carve.data?.status === "complete";
  const files = useCursor<Schemas["CarvedFile"]>(["carve-files", id], (after, signal) => body(api.GET("/api/carves/{id}/files", { params: { path: { id }, query: { take: 500, after } }, signal })), { enabled: isOperator && isHere });
  if (carve.error && !carve.data) return <Page title="Carve"><Lacking of={carve.error} what="carve" /></Page>;
  if (!carve.data) return <Page title="Carve"><Loading /></Page>;
  const one = carve.data;
  const remove = async () => {
    if (!(await talk.ask({ title: "Delete this carve?", text: "The archive is deleted from the store; the machine keeps its files.", action: "Delete the carve", danger: true }))) return;
    await api.DELETE("/api/carves/{id}", { params: { path: { id } } });
    await navigate({ to: "/carves" });
    talk.tell("The carve was deleted");
  };
  return (
    <Page title={`Carve ${one.id.slice(0, 12)}`} under={<Go to="/carves">All carves</Go>} actions={<>{isOperator && isHere && <Button as="a" appearance="primary" href={`/api/carves/${one.id}/archive`} download icon={<ArrowDownloadRegular />}>Download</Button>}{isOperator && <Button onClick={() => void remove().catch(talk.fail)}>Delete…</Button>}</>}>
      <Section>
        <dl className="facts">
          <Fact name="Node"><NodeName id={one.nodeId} /></Fact>
          <Fact name="Status"><State of={one.status} />{one.reason && <> {one.reason}</>}</Fact>
          <Fact name="Asked"><When at={one.createdAt} plain /></Fact>
          {one.completedAt && <Fact name="Complete"><When at={one.completedAt} plain /></Fact>}
          {one.size > 0 && <Fact name="Size">{bytes(one.size)}</Fact>}
          {one.sha256 && <Fact name="SHA-256"><code>{one.sha256}</code></Fact>}
          {one.campaignId && <Fact name="Asked by"><Go to="/campaigns/$id" params={{ id: one.campaignId }}>this campaign</Go></Fact>}
        </dl>
      </Section>
      {isOperator && isHere && <DataTable name="Files" columns={[{ id: "name", name: "File", narrow: true, width: "minmax(300px, 4fr)", cell: (file) => <span className="mono">{file.name}</span> }, { id: "size", name: "Size", narrow: true, width: "120px", cell: (file) => bytes(file.size) }]} rows={files} rowKey={(file) => file.name} noun={["file", "files"]} empty={<Empty title="The archive is empty">No file was at the path.</Empty>} />}
    </Page>
  );
}
