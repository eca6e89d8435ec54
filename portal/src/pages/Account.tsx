import { Button, Field, Input } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, body, faultOf, type Schemas } from "../api";
import { Empty, Fact, Go, Page, Problem, Section, State, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { useCursor } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useSession } from "../session";
import { roles } from "./People";

type Entry = Schemas["SessionEntry"];

const methods: Record<string, string> = { local: "a password that is kept here", ldap: "the directory (LDAP)", google: "Google", entra: "Microsoft", oidc: "single sign-on", open: "nobody signs in here: the server trusts whoever reaches it" };

/** Who I am here, and where I am signed in. */
export function AccountPage() {
  const me = useSession();
  const talk = useTalk();
  const queries = useQueryClient();
  const rows = useCursor<Entry>(["sessions"], (after, signal) => body(api.GET("/api/sessions", { params: { query: { take: 100, after } }, signal })), { enabled: me.method !== "open" });
  const end = async (entry: Entry) => {
    await api.DELETE("/api/sessions/{id}", { params: { path: { id: entry.id } } });
    await queries.invalidateQueries({ queryKey: ["sessions"] });
    talk.tell("The session has ended");
  };
  const columns: Column<Entry>[] = [
    { id: "agent", name: "Browser", narrow: true, width: "minmax(200px, 3fr)", cell: (entry) => <span title={entry.agent ?? ""}>{browser(entry.agent)}</span> },
    { id: "address", name: "From", width: "150px", cell: (entry) => <span className="mono">{entry.address}</span> },
    { id: "seen", name: "Last used", width: "130px", cell: (entry) => <When at={entry.seenAt} /> },
    { id: "created", name: "Signed in", width: "130px", cell: (entry) => <When at={entry.createdAt} /> },
    { id: "expires", name: "Ends", width: "130px", cell: (entry) => <When at={entry.expiresAt} /> },
    { id: "actions", name: "Actions", width: "120px", narrow: true, cell: (entry) => (entry.current ? <State of="this one" /> : <Button size="small" onClick={() => void end(entry).catch(talk.fail)}>Sign out</Button>) },
  ];
  return (
    <Page title="My account">
      <div className="grid two">
        <Section title={me.name}>
          <dl className="facts">
            <Fact name="Role">{me.role} <span className="muted">{roles.find(([role]) => role === me.role)?.[1]}</span></Fact>
            <Fact name="Signed in by">{methods[me.method] ?? me.method}</Fact>
          </dl>
          <span><Go to="/tokens">API tokens</Go> for scripts</span>
        </Section>
        {me.method === "local" && <Password />}
      </div>
      {me.method !== "open" && <Section title="Where you are signed in"><DataTable name="Sessions" columns={columns} rows={rows} rowKey={(entry) => entry.id} noun={["session", "sessions"]} empty={<Empty title="There are no sessions" />} /></Section>}
    </Page>
  );
}

function Password() {
  const talk = useTalk();
  const queries = useQueryClient();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const of = (member: string) => faultOf(fault, member);
  const isOther = again !== "" && again !== password;
  const change = async (event: FormEvent) => {
    event.preventDefault();
    setFault(null);
    try {
      await api.PUT("/api/session/password", { body: { current, password } });
      setCurrent("");
      setPassword("");
      setAgain("");
      await queries.invalidateQueries({ queryKey: ["sessions"] });
      talk.tell("Your password is changed", { text: "Your other sessions have ended." });
    } catch (refused) {
      setFault(refused);
    }
  };
  return (
    <Section title="Change your password">
      <form className="form" onSubmit={(event) => void change(event)}>
        <Field label="Current password" required validationMessage={of("current")}><Input type="password" autoComplete="current-password" value={current} onChange={(_, data) => setCurrent(data.value)} /></Field>
        <Field label="New password" required hint="At least 8 characters." validationMessage={of("password")}><Input type="password" autoComplete="new-password" value={password} onChange={(_, data) => setPassword(data.value)} /></Field>
        <Field label="New password again" required validationMessage={isOther ? "These two are not the same." : undefined}><Input type="password" autoComplete="new-password" value={again} onChange={(_, data) => setAgain(data.value)} /></Field>
        <Problem of={fault} />
        <div><Button type="submit" appearance="primary" disabled={!current || !password || again !== password}>Change it</Button></div>
      </form>
    </Section>
  );
}

/** "Firefox on Linux", from what the browser calls itself. */
function browser(agent: string | null | undefined): string {
  if (!agent) return "unknown";
  const name = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrome\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : agent.split("/")[0]!;
  const system = /Windows/.test(agent) ? "Windows" : /Android/.test(agent) ? "Android" : /iPhone|iPad/.test(agent) ? "iOS" : /Mac OS/.test(agent) ? "macOS" : /Linux/.test(agent) ? "Linux" : "";
  return system ? `${name} on ${system}` : name;
}
