import { Button, Field, Input, Select } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, body, type Schemas } from "../api";
import { Empty, Go, Page, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { type Column, DataTable } from "../parts/DataTable";
import { usePages } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { type RoleName, useSession } from "../session";

type User = Schemas["User"];

export const roles: [RoleName, string][] = [["viewer", "sees everything, changes nothing"], ["operator", "asks machines, and changes what they are asked"], ["admin", "also people, secrets and alerters"]];

/** Who may sign in with a password that is kept here. */
export function PeoplePage() {
  const talk = useTalk();
  const me = useSession();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<User | "new" | null>(null);
  const rows = usePages<User>(["users"], (page, take, signal) => body(api.GET("/api/users", { params: { query: { page, take } }, signal })));
  const setRole = async (user: User, role: string) => {
    await api.PATCH("/api/users/{name}", { params: { path: { name: user.name } }, body: { role } });
    await queries.invalidateQueries();
    talk.tell(`${user.name} is ${role} now`, { undo: () => setRole(user, user.role) });
  };
  const remove = async (user: User) => {
    if (!(await talk.ask({ title: `Remove ${user.name}?`, text: "The account, its sessions and its API tokens end at once. What it did stays in the audit log.", action: "Remove the account", danger: true }))) return;
    await api.DELETE("/api/users/{name}", { params: { path: { name: user.name } } });
    await queries.invalidateQueries();
    talk.tell(`${user.name} was removed`);
  };
  const columns: Column<User>[] = [
    { id: "name", name: "Name", narrow: true, width: "minmax(180px, 2fr)", cell: (user) => <>{user.name}{user.name === me.name && <span className="muted"> (you)</span>}</> },
    { id: "role", name: "Role", narrow: true, width: "160px", cell: (user) => <select className="native" aria-label={`Role of ${user.name}`} value={user.role} disabled={user.name === me.name} onChange={(event) => void setRole(user, event.target.value).catch(talk.fail)}>{roles.map(([role]) => <option key={role} value={role}>{role}</option>)}</select> },
    { id: "created", name: "Since", width: "140px", cell: (user) => <When at={user.createdAt} /> },
    { id: "did", name: "What they did", width: "130px", cell: (user) => <Go to="/audit" search={{ actor: user.name }}>audit log</Go> },
    { id: "actions", name: "Actions", width: "230px", cell: (user) => <span className="row" style={{ flexWrap: "nowrap" }}><Button size="small" onClick={() => setEditing(user)}>New password</Button><Button size="small" disabled={user.name === me.name} onClick={() => void remove(user).catch(talk.fail)}>Remove…</Button></span> },
  ];
  return (
    <Page title="People" under="Accounts with a password. Those who sign in by LDAP or a provider get their role from there." actions={<Button appearance="primary" icon={<AddRegular />} onClick={() => setEditing("new")}>New account</Button>}>
      <DataTable name="Accounts" columns={columns} rows={rows} rowKey={(user) => user.name} noun={["account", "accounts"]} rowHeight={48} empty={<Empty title="There are no accounts" />} />
      <dl className="facts">{roles.map(([role, what]) => <div key={role} style={{ display: "contents" }}><dt>{role}</dt><dd>{what}</dd></div>)}</dl>
      {editing && <Edit user={editing === "new" ? null : editing} onClose={() => setEditing(null)} />}
    </Page>
  );
}

function Edit({ user, onClose }: { user: User | null; onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const [name, setName] = useState(user?.name ?? "");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState("viewer");
  const save = async () => {
    if (user) await api.PATCH("/api/users/{name}", { params: { path: { name: user.name } }, body: { password } });
    else await api.POST("/api/users", { body: { name: name.trim(), password, role } });
    await queries.invalidateQueries();
    talk.tell(user ? `${user.name} has a new password` : `${name.trim()} can sign in`, user ? { text: "Their sessions have ended." } : {});
  };
  return (
    <FormDialog title={user ? `New password for ${user.name}` : "New account"} action={user ? "Set it" : "Make the account"} isReady={name.trim() !== "" && password !== ""} onClose={onClose} onDone={save}>
      {(of) => (
        <>
          {!user && <Field label="Name" required validationMessage={of("name")}><Input autoFocus autoComplete="off" value={name} onChange={(_, data) => setName(data.value)} /></Field>}
          <Field label="Password" required hint="At least 8 characters; they can change it." validationMessage={of("password")}><Input type="password" autoComplete="new-password" value={password} onChange={(_, data) => setPassword(data.value)} /></Field>
          {!user && <Field label="Role" hint={roles.find(([one]) => one === role)?.[1]} validationMessage={of("role")}><Select value={role} onChange={(_, data) => setRole(data.value)}>{roles.map(([one]) => <option key={one} value={one}>{one}</option>)}</Select></Field>}
        </>
      )}
    </FormDialog>
  );
}
