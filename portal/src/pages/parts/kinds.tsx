import { Field, Input, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import type { Schemas } from "../../api";
import { grouped } from "../../parts/format";

/** What a kind of alerter or sink asks for. */
type KindField = Schemas["AlerterField"] | Schemas["SinkField"];

/** What belongs to kinds, by the fields' names. */
export type Values = Record<string, string | number | null | undefined>;

/** The values that a kind has a field for, and that are there. */
export const held = (fields: KindField[], values: Values) => Object.fromEntries(fields.map((field) => [field.name, field.kind === "number" && values[field.name] ? Number(values[field.name]) : values[field.name]]).filter(([, value]) => value !== undefined && value !== null && value !== ""));

/** A kind's settings, as fields of a form. */
export function KindFields({ fields, values, onChange, isSecretSet, wrong }: { fields: KindField[]; values: Values; onChange: (values: Values) => void; isSecretSet: boolean; wrong: (member: string) => string | undefined }) {
  return fields.map((field) => (
    <Field key={field.name} label={field.title} required={field.required} hint={field.kind === "secret" && isSecretSet ? `${field.hint} One is set; left empty, it stays.` : field.hint} validationMessage={wrong(field.name)}>
      <Input type={field.kind === "secret" ? "password" : (field.kind as "text" | "number" | "url")} autoComplete={field.kind === "secret" ? "new-password" : "off"} placeholder={field.kind === "secret" ? undefined : field.example} value={String(values[field.name] ?? "")} onChange={(_, data) => onChange({ ...values, [field.name]: data.value })} />
    </Field>
  ));
}

/** A kind's settings, as they are. */
export function KindFacts({ fields, values, hasSecret }: { fields: KindField[]; values: Values; hasSecret: boolean }) {
  return fields.map((field) => (
    <div key={field.name} style={{ display: "contents" }}>
      <dt>{field.title}</dt>
      <dd className={field.kind === "secret" ? "" : "mono"}>{field.kind === "secret" ? (hasSecret ? "set" : <span className="muted">not set</span>) : values[field.name] || <span className="muted">not set</span>}</dd>
    </div>
  ));
}

/** What came back from the other side. */
export function Came({ test }: { test: Schemas["AlerterTest"] }) {
  const said = { delivered: "It took it.", retry: "It did not take it; what is real would be tried again.", rejected: "It refused for good; what is real would not get through." }[test.outcome] ?? test.outcome;
  return (
    <MessageBar intent={test.outcome === "delivered" ? "success" : test.outcome === "retry" ? "warning" : "error"} layout="multiline">
      <MessageBarBody><MessageBarTitle>{said}</MessageBarTitle> {test.reason} <span className="muted">After {grouped(test.milliseconds)} ms.</span></MessageBarBody>
    </MessageBar>
  );
}
