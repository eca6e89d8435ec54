import { Button, Field, Input, MessageBar, MessageBarBody, MessageBarTitle, Switch } from "@fluentui/react-components";
import { AddRegular, LinkRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Copyable, Empty, Go, Loading, Num, Page, Problem, Section, State, Tags, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { type Column, DataTable } from "../parts/DataTable";
import { localTime } from "../parts/format";
import { fixed, usePages } from "../parts/rows";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";
import { NodeName } from "./parts/NodeName";
import { Setup } from "./parts/Setup";

type Secret = Schemas["EnrollSecret"];

/** What machines enroll with, and how. */
export function EnrollPage() {
  const isAdmin = useMay("admin");
  const setup = use.useQuery("get", "/api/agent-setup");
  const [made, setMade] = useState<Secret | null>(null);
  const [link, setLink] = useState<Schemas["EnrollLink"] | null>(null);
  const [asking, setAsking] = useState<"secret" | "link" | null>(null);
  const address = link ? location.origin + link.path : "";
  return (
    <Page title="Enroll machines" under="A machine shows an enroll secret once, and gets the tags that the secret has."
      actions={isAdmin && <><Button icon={<LinkRegular />} onClick={() => setAsking("link")}>New enroll link</Button><Button appearance="primary" icon={<AddRegular />} onClick={() => setAsking("secret")}>New secret</Button></>}>
      {made?.secret && (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody style={{ width: "100%" }}><MessageBarTitle>{made.label || "The secret"} was made.</MessageBarTitle> This is the only time that it is shown: copy it, or the line below that holds it.<Copyable name="the secret" text={made.secret} /></MessageBarBody>
        </MessageBar>
      )}
      {link && (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody style={{ width: "100%" }}><MessageBarTitle>Send this link to whoever installs machines.</MessageBarTitle> It shows them a secret and what to do, without signing in, until {localTime(link.expiresAt)}.<Copyable name="the link" text={address} /></MessageBarBody>
        </MessageBar>
      )}
      <Section title="On the machine">{setup.data ? <Setup setup={setup.data} secret={made?.secret ?? null} /> : <><Problem of={setup.error} /><Loading lines={6} /></>}</Section>
      {isAdmin && <Secrets />}
      <Refusals />
      {asking && <Make what={asking} onClose={() => setAsking(null)} onSecret={setMade} onLink={setLink} />}
    </Page>
  );
}

/** Machines that were not let in: nothing is shown while there are none. */
function Refusals() {
  const found = use.useQuery("get", "/api/enroll-refusals", { params: { query: { take: 50 } } }, { refetchInterval: 30_000 });
  if (!found.data || found.data.items.length === 0) return null;
  return (
    <Section title="Refused within a week">
      <DataTable name="Refused machines" rows={fixed(found.data.items)} rowKey={(one) => one.id} noun={["machine", "machines"]} empty={<Empty title="None" />}
        columns={[
          { id: "reason", name: "Reason", narrow: true, width: "minmax(240px, 4fr)", cell: (one) => <span title={one.reason}>{one.reason}</span> },
          { id: "host", name: "Host identifier", width: "minmax(140px, 2fr)", cell: (one) => one.hostIdentifier },
          { id: "address", name: "Address", narrow: true, width: "140px", cell: (one) => one.address },
          { id: "agent", name: "Agent", width: "140px", cell: (one) => one.agent },
          { id: "count", name: "Times", width: "80px", cell: (one) => <Num of={one.count} /> },
          { id: "last", name: "Last", width: "140px", cell: (one) => <When at={one.last} /> },
        ]} />
    </Section>
  );
}

function ending(secret: Secret): string {
  if (!secret.enabled) return "off";
  if (secret.expiresAt && Date.parse(secret.expiresAt) < Date.now()) return "expired";
  return secret.maxUses != null && secret.uses >= secret.maxUses ? "used up" : "on";
}

function Secrets() {
  const talk = useTalk();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<Secret | null>(null);
  const rows = usePages<Secret>(["enroll-secrets"], (page, take, signal) => body(api.GET("/api/enroll-secrets", { params: { query: { page, take } }, signal })), 15_000);
  const enable = async (secret: Secret, enabled: boolean) => {
    await api.PATCH("/api/enroll-secrets/{id}", { params: { path: { id: secret.id } }, body: { enabled } });
    await queries.invalidateQueries({ queryKey: ["enroll-secrets"] });
    talk.tell(`${secret.label || secret.id} is ${enabled ? "on" : "off"}`, { text: enabled ? "Machines can enroll with it." : "No machine can enroll with it; those that did stay.", undo: () => enable(secret, !enabled) });
  };
  const remove = async (secret: Secret) => {
    if (!(await talk.ask({ title: `Delete ${secret.label || "the secret"}?`, text: "No machine can enroll with it any more. Those that did stay enrolled.", action: "Delete the secret", danger: true }))) return;
    await api.DELETE("/api/enroll-secrets/{id}", { params: { path: { id: secret.id } } });
    await queries.invalidateQueries({ queryKey: ["enroll-secrets"] });
    talk.tell("The secret was deleted");
  };
  const columns: Column<Secret>[] = [
    { id: "label", name: "Secret", narrow: true, width: "minmax(160px, 2fr)", cell: (one) => one.label || <span className="muted">without a label</span> },
    { id: "state", name: "State", narrow: true, width: "90px", cell: (one) => <State of={ending(one)} /> },
    { id: "tags", name: "Tags it gives", width: "minmax(140px, 1.5fr)", cell: (one) => <Tags of={one.tags} /> },
    { id: "uses", name: "Uses", width: "90px", cell: (one) => <><Num of={one.uses} />{one.maxUses != null && <span className="muted"> of {one.maxUses}</span>}</> },
    { id: "used", name: "Last used", width: "130px", cell: (one) => <When at={one.lastUsedAt} /> },
    { id: "expires", name: "Expires", width: "130px", cell: (one) => <When at={one.expiresAt} /> },
    { id: "node", name: "For node", width: "130px", hidden: true, cell: (one) => one.nodeId && <NodeName id={one.nodeId} /> },
    { id: "created", name: "Made", width: "130px", hidden: true, cell: (one) => <When at={one.createdAt} /> },
    { id: "actions", name: "Actions", width: "250px", cell: (one) => (
      <span className="row" style={{ flexWrap: "nowrap" }}>
        <Switch checked={one.enabled} aria-label={`${one.label || one.id}: on`} onChange={(_, data) => void enable(one, data.checked).catch(talk.fail)} />
        <Button size="small" onClick={() => setEditing(one)}>Tags</Button>
        <Button size="small" onClick={() => void remove(one).catch(talk.fail)}>Delete…</Button>
      </span>
    ) },
  ];
  return (
    <Section title="Secrets">
      <DataTable name="Enroll secrets" id="enroll-secrets" columns={columns} rows={rows} rowKey={(one) => one.id} noun={["secret", "secrets"]} empty={<Empty title="There are no secrets">Make one, and machines can enroll with it.</Empty>} />
      {editing && <EditTags secret={editing} onClose={() => setEditing(null)} />}
    </Section>
  );
}

function EditTags({ secret, onClose }: { secret: Secret; onClose: () => void }) {
  const queries = useQueryClient();
  const [tags, setTags] = useState(secret.tags);
  const save = async () => {
    await api.PATCH("/api/enroll-secrets/{id}", { params: { path: { id: secret.id } }, body: { tags } });
    await queries.invalidateQueries({ queryKey: ["enroll-secrets"] });
  };
  return (
    <FormDialog title={`Tags of ${secret.label || "the secret"}`} action="Save" byButtonOnly onClose={onClose} onDone={save}>
      {() => (
        <>
          <Field label="Tags" hint="Machines that enroll from now on get them; those that did keep theirs."><TagEditor name="Tags" tags={tags} onChange={setTags} /></Field>
        </>
      )}
    </FormDialog>
  );
}

function Make({ what, onClose, onSecret, onLink }: { what: "secret" | "link"; onClose: () => void; onSecret: (secret: Secret) => void; onLink: (link: Schemas["EnrollLink"]) => void }) {
  const queries = useQueryClient();
  const [label, setLabel] = useState("");
  const [tags, setTags] = useState<string[]>([]);
  const [expires, setExpires] = useState("");
  const [uses, setUses] = useState("");
  const make = async () => {
    const wanted = { ...(label.trim() ? { label: label.trim() } : {}), tags, ...(expires ? { expiresAt: new Date(expires).toISOString() } : {}), ...(uses ? { maxUses: Number(uses) } : {}) };
    if (what === "secret") onSecret(await body(api.POST("/api/enroll-secrets", { body: wanted })));
    else onLink(await body(api.POST("/api/enroll-links", { body: wanted })));
    await queries.invalidateQueries({ queryKey: ["enroll-secrets"] });
  };
  return (
    <FormDialog title={what === "secret" ? "New enroll secret" : "New enroll link"} action="Make it" onClose={onClose} onDone={make}>
      {(of) => (
        <>
          {what === "link" && <p className="muted" style={{ margin: 0 }}>A page with a secret of its own and what to do, for people who do not sign in here.</p>}
          <Field label="Label" hint="What it is for." validationMessage={of("label")}><Input autoFocus value={label} onChange={(_, data) => setLabel(data.value)} placeholder="new laptops" /></Field>
          <Field label="Tags" hint="Machines that enroll with it get these." validationMessage={of("tags")}><TagEditor name="Tags that it gives" tags={tags} onChange={setTags} /></Field>
          <div className="fields">
            <Field label="Expires" hint={what === "link" ? "A day from now, if left empty." : "Never, if left empty."} validationMessage={of("expiresAt")}><Input type="datetime-local" value={expires} onChange={(_, data) => setExpires(data.value)} /></Field>
            <Field label="How many machines" hint="Any number, if left empty." validationMessage={of("maxUses")}><Input type="number" min={1} value={uses} onChange={(_, data) => setUses(data.value)} /></Field>
          </div>
          <p className="muted" style={{ margin: 0 }}>More on what each tag brings: <Go to="/tags">tags</Go>.</p>
        </>
      )}
    </FormDialog>
  );
}
