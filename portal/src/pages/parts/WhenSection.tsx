import { Checkbox, Field, Input, Radio, RadioGroup } from "@fluentui/react-components";
import { Section } from "../../parts/basics";

/** When a question is asked: once, or at the times of a cron expression. */
export interface When {
  repeats: boolean;
  notBefore: string;
  expires: string;
  name: string;
  cron: string;
  timeZone: string;
  expiresAfter: string;
  includeLater: boolean;
}

export const noTime: When = { repeats: false, notBefore: "", expires: "", name: "", cron: "0 6 * * MON", timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, expiresAfter: "", includeLater: false };

export function WhenSection({ when, onChange }: { when: When; onChange: (change: Partial<When>) => void }) {
  return (
    <Section title="When">
      <RadioGroup layout="horizontal" aria-label="How often to ask" value={when.repeats ? "repeats" : "once"} onChange={(_, data) => onChange({ repeats: data.value === "repeats" })}>
        <Radio value="once" label="Once" /><Radio value="repeats" label="On a schedule" />
      </RadioGroup>
      {when.repeats ? <Schedule when={when} onChange={onChange} /> : (
        <div className="row">
          <Field label="Ask from" hint="Now, if left empty." className="grow"><Input type="datetime-local" value={when.notBefore} onChange={(_, data) => onChange({ notBefore: data.value })} /></Field>
          <Field label="Take answers until" hint="A day, if left empty." className="grow"><Input type="datetime-local" value={when.expires} onChange={(_, data) => onChange({ expires: data.value })} /></Field>
        </div>
      )}
      <Checkbox label="Also ask nodes that enroll or get the tag while answers are taken" checked={when.includeLater} onChange={(_, data) => onChange({ includeLater: data.checked === true })} />
    </Section>
  );
}

function Schedule({ when, onChange }: { when: When; onChange: (change: Partial<When>) => void }) {
  return (
    <>
      <Field label="Name" required><Input value={when.name} onChange={(_, data) => onChange({ name: data.value })} placeholder="What you want to know" /></Field>
      <Field label="Cron expression" required hint="Minute, hour, day of month, month, weekday: 0 6 * * MON is every Monday at 6:00."><Input className="mono" value={when.cron} onChange={(_, data) => onChange({ cron: data.value })} /></Field>
      <div className="row">
        <Field label="Time zone" hint="UTC, if left empty." className="grow"><Input value={when.timeZone} onChange={(_, data) => onChange({ timeZone: data.value })} /></Field>
        <Field label="Each run takes answers for" hint="Such as 12h. A day, if left empty." className="grow"><Input value={when.expiresAfter} onChange={(_, data) => onChange({ expiresAfter: data.value })} placeholder="1d" /></Field>
      </div>
    </>
  );
}
