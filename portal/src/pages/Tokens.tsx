import { Button, Field, Input, MessageBar, MessageBarBody, MessageBarTitle, Select, Textarea } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "../api";
import { Copyable, Empty, Page, State, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { type Column, DataTable } from "../parts/DataTable";
import { useCursor } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";
import { roles } from "./People";

type Token = Schemas["Token"];

/** What scripts show instead of a password. */
export function TokensPage() {
  const isAdmin = useMay("admin");
  const talk = useTalk();
  const queries = useQueryClient();
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const rows = useCursor<Token>(["tokens"], (after, signal) => body(api.GET("/api/tokens", { params: { query: { take: 100, after } }, signal })));
  const revoke = async (token: Token) => {
    if (!(await talk.ask({ title: `Revoke ${token.name}?`, text: "Scripts that show it are refused from then on, and so are tokens that were made with it.", action: "Revoke the token", danger: true }))) return;
    await api.DELETE("/api/tokens/{id}", { params: { path: { id: token.id } } });
    await queries.invalidateQueries({ queryKey: ["tokens"] });
    talk.tell(`${token.name} was revoked`);
  };
  const columns: Column<Token>[] = [
    { id: "name", name: "Token", narrow: true, width: "minmax(160px, 2fr)", cell: (token) => token.name },
    { id: "role", name: "Role", narrow: true, width: "110px", cell: (token) => <State of={token.role} /> },
    { id: "maker", name: "Made by", width: "130px", cell: (token) => token.maker },
    { id: "routes", name: "May call", width: "minmax(140px, 2fr)", cell: (token) => (token.routes && token.routes.length > 0 ? <span className="mono" title={token.routes.join("\n")}>{token.routes.join(", ")}</span> : <span className="muted">all that its role may</span>) },
    { id: "used", name: "Last used", width: "130px", cell: (token) => <When at={token.usedAt} /> },
    { id: "expires", name: "Expires", width: "130px", cell: (token) => <When at={token.expiresAt} /> },
    { id: "created", name: "Made", width: "130px", cell: (token) => <When at={token.createdAt} /> },
    { id: "actions", name: "Actions", width: "110px", cell: (token) => <Button size="small" onClick={() => void revoke(token).catch(talk.fail)}>Revoke…</Button> },
  ];
  const make = <Button appearance="primary" icon={<AddRegular />} onClick={() => setMaking(true)}>New token</Button>;
  return (
    <Page title="API tokens" under={isAdmin ? "Everybody's. A script shows one instead of a password." : "Yours. A script shows one instead of a password."} actions={make}>
      {made?.token && (
        <MessageBar intent="success" layout="multiline">
          <MessageBarBody style={{ width: "100%" }}><MessageBarTitle>{made.name} was made.</MessageBarTitle> This is the only time that it is shown. Scripts send it as a header:<Copyable name="the header" text={`Authorization: Bearer ${made.token}`} /></MessageBarBody>
        </MessageBar>
      )}
      <DataTable name="Tokens" columns={columns} rows={rows} rowKey={(token) => token.id} noun={["token", "tokens"]} empty={<Empty title="There are no tokens" action={make}>With one, curl and the command line of this program can do what you may.</Empty>} />
      {isMaking && <Make onClose={() => setMaking(false)} onMade={setMade} />}
    </Page>
  );
}

function Make({ onClose, onMade }: { onClose: () => void; onMade: (token: Token) => void }) {
  const queries = useQueryClient();
  const isAdmin = useMay("admin");
  const isOperator = useMay("operator");
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const [expires, setExpires] = useState("");
  const [routes, setRoutes] = useState("");
  const offered = roles.filter(([one]) => one === "viewer" || (one === "operator" ? isOperator : isAdmin));
  const make = async () => {
    const listed = routes.split("\n").map((route) => route.trim()).filter(Boolean);
    onMade(await body(api.POST("/api/tokens", { body: { name: name.trim(), role, ...(expires ? { expiresAt: new Date(expires).toISOString() } : {}), ...(listed.length > 0 ? { routes: listed } : {}) } })));
    await queries.invalidateQueries({ queryKey: ["tokens"] });
  };
  return (
    <FormDialog title="New token" action="Make it" isReady={name.trim() !== ""} onClose={onClose} onDone={make}>
      {(of) => (
        <>
          <Field label="Name" required hint="What shows it." validationMessage={of("name")}><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} placeholder="nightly export" /></Field>
          <div className="fields">
            <Field label="Role" hint={roles.find(([one]) => one === role)?.[1]} validationMessage={of("role")}><Select value={role} onChange={(_, data) => setRole(data.value)}>{offered.map(([one]) => <option key={one} value={one}>{one}</option>)}</Select></Field>
            <Field label="Expires" hint="Never, if left empty." validationMessage={of("expiresAt")}><Input type="datetime-local" value={expires} onChange={(_, data) => setExpires(data.value)} /></Field>
          </div>
          <Field label="Routes" hint="A method and a path on each line, * for any; empty for all that the role may." validationMessage={of("routes")}><Textarea value={routes} onChange={(_, data) => setRoutes(data.value)} placeholder={"GET /api/nodes\nGET /api/results/*"} /></Field>
        </>
      )}
    </FormDialog>
  );
}
