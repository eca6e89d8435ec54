import { Field, Input } from "@fluentui/react-components";
import { useEffect, useState } from "react";

/** As the browser's own field writes a time: local, to the minute. */
function local(at: string): string {
  if (!at) return "";
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const utc = (text: string) => (text ? new Date(text).toISOString() : undefined);

/** From when to when; local times, kept in UTC. */
export function TimeRange({ from, to, onChange }: { from: string; to: string; onChange: (range: { from?: string | undefined; to?: string | undefined }) => void }) {
  return (
    <>
      <Moment label="From" at={from} onChange={(at) => onChange({ from: at })} />
      <Moment label="To" at={to} onChange={(at) => onChange({ to: at })} />
    </>
  );
}

/** A field that is typed part by part, and counts when one leaves it. */
function Moment({ label, at, onChange }: { label: string; at: string; onChange: (at: string | undefined) => void }) {
  const [text, setText] = useState(local(at));
  useEffect(() => setText(local(at)), [at]);
  const commit = (event: { currentTarget: HTMLInputElement }) => event.currentTarget.validity.valid && text !== local(at) && onChange(utc(text));
  return <Field label={label}><Input type="datetime-local" value={text} onChange={(_, data) => setText(data.value)} onBlur={commit} onKeyDown={(event) => { if (event.key === "Enter") commit(event as never); }} /></Field>;
}
