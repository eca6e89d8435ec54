import { Button, Field, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, Textarea } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas } from "../../api";
import { FormDialog } from "../../parts/FormDialog";
import { useTalk } from "../../parts/talk";
import { useMay, useSession } from "../../session";

type Step = "acknowledge" | "resolve" | "reopen";

const said: Record<Step, string> = { acknowledge: "Acknowledged", resolve: "Resolved", reopen: "Open again" };
const spans: [string, string][] = [["1h", "1 hour"], ["4h", "4 hours"], ["1d", "1 day"], ["7d", "7 days"]];

/** What can be done with an alert. */
export function AlertActions({ alert }: { alert: Schemas["Alert"] }) {
  const isOperator = useMay("operator");
  const me = useSession().name;
  const talk = useTalk();
  const queries = useQueryClient();
  const [asked, setAsked] = useState<Step | "note" | "assign" | null>(null);
  const [text, setText] = useState("");
  if (!isOperator) return null;
  const params = { params: { path: { id: alert.id } } };
  const after = async (title: string) => {
    await queries.invalidateQueries();
    talk.tell(title);
  };
  const run = (work: Promise<unknown>, title: string) => void work.then(() => after(title)).catch(talk.fail);
  const ask = (what: Step | "note" | "assign") => {
    setText(what === "assign" ? alert.owner ?? me : "");
    setAsked(what);
  };
  const done = async () => {
    if (asked === "note") await api.POST("/api/alerts/{id}/notes", { ...params, body: { note: text } });
    else if (asked === "assign") await api.POST("/api/alerts/{id}/assign", { ...params, body: { owner: text.trim() } });
    else await api.POST(`/api/alerts/{id}/${asked as "resolve"}`, { ...params, body: { note: text || null } });
    await after(asked === "note" ? "The note is kept" : asked === "assign" ? (text.trim() ? `${text.trim()} takes care of it` : "Nobody takes care of it") : said[asked as Step]);
  };
  return (
    <>
      {alert.state === "open" && <Button appearance="primary" onClick={() => run(api.POST("/api/alerts/{id}/acknowledge", { ...params, body: {} }), said.acknowledge)}>Acknowledge</Button>}
      {alert.state === "resolved" ? <Button onClick={() => ask("reopen")}>Open again…</Button> : <Button {...(alert.state === "acknowledged" ? { appearance: "primary" as const } : {})} onClick={() => ask("resolve")}>Resolve…</Button>}
      {alert.state !== "resolved" && (alert.quietUntil ? <Button onClick={() => run(api.DELETE("/api/alerts/{id}/snooze", params), "It is told of again")}>End the silence</Button> : (
        <Menu>
          <MenuTrigger disableButtonEnhancement><Button>Snooze</Button></MenuTrigger>
          <MenuPopover><MenuList>{spans.map(([span, name]) => <MenuItem key={span} onClick={() => run(api.POST("/api/alerts/{id}/snooze", { ...params, body: { for: span } }), `Nobody is told of it for ${name}`)}>{name}</MenuItem>)}</MenuList></MenuPopover>
        </Menu>
      ))}
      <Button appearance="subtle" onClick={() => ask("assign")}>Assign…</Button>
      <Button appearance="subtle" onClick={() => ask("note")}>Note…</Button>
      {asked && (
        <FormDialog title={{ acknowledge: "Acknowledge", resolve: "Resolve the alert", reopen: "Open the alert again", note: "A note", assign: "Who takes care of it?" }[asked]} action={{ acknowledge: "Acknowledge", resolve: "Resolve", reopen: "Open again", note: "Keep the note", assign: "Assign" }[asked]}
          isReady={asked !== "note" || text.trim() !== ""} onClose={() => setAsked(null)} onDone={done}>
          {(of) => asked === "assign"
            ? <Field label="Owner" hint="Left empty, nobody." validationMessage={of("owner")}><Input autoFocus value={text} onChange={(_, data) => setText(data.value)} /></Field>
            : <Field label={asked === "note" ? "Note" : "Why"} hint={asked === "note" ? undefined : "For those who read it later; may be left empty."} validationMessage={of("note")}><Textarea autoFocus resize="vertical" value={text} onChange={(_, data) => setText(data.value)} /></Field>}
        </FormDialog>
      )}
    </>
  );
}
