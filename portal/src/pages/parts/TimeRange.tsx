import { Field, Input } from "@fluentui/react-components";

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
      <Field label="From"><Input type="datetime-local" value={local(from)} onChange={(_, data) => onChange({ from: utc(data.value) })} /></Field>
      <Field label="To"><Input type="datetime-local" value={local(to)} onChange={(_, data) => onChange({ to: utc(data.value) })} /></Field>
    </>
  );
}
