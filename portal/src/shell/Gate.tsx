import { Button, Dialog, DialogSurface, Divider, Field, Input, Title3 } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment, useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { api, body, Fault, session, use, type Schemas } from "../api";
import { Loading, Problem } from "../parts/basics";
import { SessionContext } from "../session";

/** Lets in whom the server knows. Where a session ends, the page stays where it is and goes on after signing in. */
export function Gate({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const who = useQuery({
    queryKey: ["session"], staleTime: 60_000, retry: (count, fault) => !(fault instanceof Fault) && count < 3,
    queryFn: async () => {
      try {
        return await body(api.GET("/api/session"));
      } catch (fault) {
        if (fault instanceof Fault && fault.status === 401) return null;
        throw fault;
      }
    },
  });
  const [hasEnded, setEnded] = useState(false);
  useEffect(() => {
    session.ended = () => {
      if (queries.getQueryData(["session"])) setEnded(true);
      queries.setQueryData(["session"], null);
    };
    // Another tab signed in or out.
    const other = new BroadcastChannel("fleet.session");
    other.onmessage = () => void queries.invalidateQueries();
    return () => other.close();
  }, [queries]);

  const last = useRef<Schemas["Session"] | null>(null);
  if (who.data) last.current = who.data;

  // Once it is known who looks, a server that does not answer is told by the page itself, and takes nothing from it.
  if (who.error && who.data === undefined) return <div className="center"><div className="card"><Problem of={who.error} retry={() => void who.refetch()} /></div></div>;
  if (who.data === undefined) return <div className="center"><div className="card"><Loading lines={3} /></div></div>;
  const known = who.data ?? (hasEnded ? last.current : null);
  const enter = (entered: Schemas["Session"]) => {
    // Somebody else sees nothing of what the one before had on the screen.
    if (last.current && (last.current.name !== entered.name || last.current.role !== entered.role)) queries.clear();
    setEnded(false);
    queries.setQueryData(["session"], entered);
    void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    new BroadcastChannel("fleet.session").postMessage("in");
  };
  if (!known) return <main className="center"><SignIn hasEnded={false} onIn={enter} /></main>;
  return (
    <SessionContext value={known}>
      <Fragment key={`${known.name} ${known.role}`}>{children}</Fragment>
      {who.data === null && <Dialog open modalType="alert"><DialogSurface className="signing"><SignIn hasEnded onIn={enter} /></DialogSurface></Dialog>}
    </SessionContext>
  );
}

const providers: Record<string, string> = { google: "Google", entra: "Microsoft", oidc: "single sign-on" };

/** What came of a sign-in by a provider that failed, by the code in the address. */
const refusals: Record<string, string> = {
  "not-allowed": "Your account is not welcome here. An admin can let it in.", cancelled: "Signing in was cancelled.", state: "Signing in took too long, or began in another browser. Try again.",
  "provider-down": "The provider does not answer. Try again in a while.", "provider-refused": "The provider refused. An admin finds the reason in the server's log.",
};

function SignIn({ onIn, hasEnded }: { onIn: (who: Schemas["Session"]) => void; hasEnded: boolean }) {
  const methods = use.useQuery("get", "/api/session/methods");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const refusal = new URLSearchParams(location.search).get("error");
  useEffect(() => {
    document.title = "Sign in · Fleet";
  }, []);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      onIn(await body(api.POST("/api/session", { body: { username, password } })));
    } catch (refused) {
      setFault(refused);
      setPassword("");
    } finally {
      setBusy(false);
    }
  };
  return (
      <form className="card signin" onSubmit={(event) => void submit(event)} aria-labelledby="sign-in">
        <div className="row"><img src="/icon.svg" alt="" width={40} height={40} /><Title3 as="h1" id="sign-in" style={{ margin: 0 }}>Sign in to Fleet</Title3></div>
        {hasEnded && <p className="muted" role="status" style={{ margin: 0 }}>Your session has ended. After signing in you go on where you were.</p>}
        {refusal && <Problem of={new Error(refusals[refusal] ?? `Signing in did not work (${refusal}).`)} />}
        <Problem of={fault ?? methods.error} />
        {methods.data?.password !== false && (
          <>
            <Field label="Name" required><Input autoFocus autoComplete="username" value={username} onChange={(_, data) => setUsername(data.value)} /></Field>
            <Field label="Password" required><Input type="password" autoComplete="current-password" value={password} onChange={(_, data) => setPassword(data.value)} /></Field>
            <Button type="submit" appearance="primary" disabled={isBusy || !username || !password}>{isBusy ? "Signing in…" : "Sign in"}</Button>
          </>
        )}
        {methods.data?.password && methods.data.providers.length > 0 && <Divider>or</Divider>}
        {methods.data?.providers.map((provider) => (
          <Button key={provider} as="a" href={`/api/session/oauth/${provider}?returnTo=${encodeURIComponent(location.pathname + location.search)}`}>Sign in with {providers[provider] ?? provider}</Button>
        ))}
      </form>
  );
}
