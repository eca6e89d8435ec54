import { Field, Input, Select, Switch } from "@fluentui/react-components";
import type { Schemas } from "../../api";
import { Section } from "../../parts/basics";
import { TagEditor } from "../../parts/TagEditor";
import { Choice } from "../Nodes";
import { absenceKinds, absenceWords } from "./absence";

type Rule = Schemas["Rule"];

interface Props {
  rule: Rule;
  set: (change: Partial<Rule>) => void;
  wrong: (member: string) => string | undefined;
  disabled: boolean;
}

const text = (value: string) => (value.trim() === "" ? null : value.trim());
const number = (value: string) => (value.trim() === "" || Number.isNaN(Number(value)) ? null : Number(value));

/** Which nodes a rule is about. */
export function RuleScope({ rule, set, wrong, disabled }: Props) {
  return (
    <div className="fields">
      <Field label="Only nodes with any of these tags" hint="None: all nodes." validationMessage={wrong("tags")}><TagEditor name="Tags" tags={rule.tags} disabled={disabled} onChange={(tags) => set({ tags })} /></Field>
      <Field label="Only these platforms" hint="None: all." validationMessage={wrong("platforms")}><Choice label="Platforms" placeholder="All" many={rule.platforms} options={[["linux", "Linux"], ["darwin", "macOS"], ["windows", "Windows"], ["freebsd", "FreeBSD"]]} onChange={(many) => !disabled && set({ platforms: many?.split(",") ?? [] })} /></Field>
    </div>
  );
}

/** What does not come. */
export function RuleAbsence({ rule, set, wrong, disabled }: Props) {
  const absence = rule.absence!;
  const change = (more: Partial<Schemas["RuleAbsence"]>) => set({ absence: { ...absence, ...more } });
  const kind = (next: string): Schemas["RuleAbsence"] => next === "results" ? { kind: next, query: absence.query ?? "", intervals: absence.intervals ?? 3 } : { kind: next, for: absence.for ?? "2h", ...(next === "missing" ? { percent: absence.percent ?? 20 } : {}) };
  return (
    <Section title="What does not come">
      <div className="fields">
        <Field label="Watch for" validationMessage={wrong("absence.kind")}><Select value={absence.kind} disabled={disabled} onChange={(_, data) => set({ absence: kind(data.value) })}>{absenceKinds.map(([one, name]) => <option key={one} value={one}>{name}</option>)}</Select></Field>
        {absence.kind === "results" ? (
          <>
            <Field label="Query" hint="As results name it: a pack's is pack/PACK/QUERY. One that always sends something, such as a snapshot." validationMessage={wrong("absence.query")}><Input className="mono" value={absence.query ?? ""} readOnly={disabled} onChange={(_, data) => change({ query: data.value })} /></Field>
            <Field label="For so many of its intervals" validationMessage={wrong("absence.intervals")}><Input type="number" value={String(absence.intervals ?? "")} readOnly={disabled} onChange={(_, data) => change({ intervals: number(data.value) })} /></Field>
          </>
        ) : <Field label="For" hint="Such as 30m, 12h or 7d." validationMessage={wrong("absence.for")}><Input value={absence.for ?? ""} readOnly={disabled} onChange={(_, data) => change({ for: data.value })} /></Field>}
        {absence.kind === "missing" && <Field label="Percent of the nodes" validationMessage={wrong("absence.percent")}><Input type="number" value={String(absence.percent ?? "")} readOnly={disabled} onChange={(_, data) => change({ percent: number(data.value) })} /></Field>}
      </div>
      <p className="muted" style={{ margin: 0 }}>{absenceWords(absence)} It is told once, and again when it is over.</p>
    </Section>
  );
}

/** Which rows are one alert, what it says, when it ends, and who is told if nobody acts. */
export function RuleAlerts({ rule, set, wrong, disabled, alerters }: Props & { alerters: string[] }) {
  const { threshold, group, escalate } = rule;
  const isAbsence = rule.absence !== null;
  return (
    <Section title="Alerts">
      <div className="form">
        <Field label="Message" hint="What an alert says: $node, $severity and the row's columns, such as $path, are filled in. Left empty, the description." validationMessage={wrong("message")}><Input value={rule.message ?? ""} readOnly={disabled} onChange={(_, data) => set({ message: data.value })} placeholder="$path runs on $node" /></Field>
        <Field label="Runbook" hint="Where it is written what to do." validationMessage={wrong("runbook")}><Input type="url" value={rule.runbook ?? ""} readOnly={disabled} onChange={(_, data) => set({ runbook: data.value })} placeholder="https://wiki.example.org/…" /></Field>
        {!isAbsence && (
          <>
            <Switch checked={threshold !== null} disabled={disabled} onChange={(_, data) => set({ threshold: data.checked ? { count: 5, window: "10m", per: "node" } : null })} label={threshold ? "An alert for many rows within a time" : "An alert as soon as a row matches"} />
            {threshold && (
              <div className="fields">
                <Field label="Rows" validationMessage={wrong("threshold.count")}><Input type="number" value={String(threshold.count)} readOnly={disabled} onChange={(_, data) => set({ threshold: { ...threshold, count: number(data.value) ?? 0 } })} /></Field>
                <Field label="Within" hint="1s to 7d." validationMessage={wrong("threshold.window")}><Input value={threshold.window} readOnly={disabled} onChange={(_, data) => set({ threshold: { ...threshold, window: data.value } })} /></Field>
                <Field label="Counted" validationMessage={wrong("threshold.per")}><Select value={threshold.per ?? "node"} disabled={disabled} onChange={(_, data) => set({ threshold: { ...threshold, per: data.value } })}><option value="node">on each node</option><option value="tag">on all nodes of a tag</option><option value="fleet">in the whole fleet</option></Select></Field>
              </div>
            )}
            <Switch checked={group !== null} disabled={disabled} onChange={(_, data) => set({ group: data.checked ? { window: "1h", by: [] } : null })} label={group ? "Rows that are alike are one alert" : "Each row is an alert of its own"} />
            {group && (
              <div className="fields">
                <Field label="For" hint="After the first row: 1m to 30d." validationMessage={wrong("group.window")}><Input value={group.window} readOnly={disabled} onChange={(_, data) => set({ group: { ...group, window: data.value } })} /></Field>
                <Field label="Alike in these columns" hint="With commas between them. None: all rows of a node are one alert." validationMessage={wrong("group.by")}><Input className="mono" value={(group.by ?? []).join(", ")} readOnly={disabled} onChange={(_, data) => set({ group: { ...group, by: data.value.trim() === "" ? [] : data.value.split(",").map((one) => one.trim()) } })} /></Field>
              </div>
            )}
            {!threshold && <Switch checked={rule.resolveOnRemoved} disabled={disabled} onChange={(_, data) => set({ resolveOnRemoved: data.checked })} label={rule.resolveOnRemoved ? "Resolved when the row is removed again" : "Not resolved when the row is removed again"} />}
          </>
        )}
        <div className="fields">
          <Field label="Resolve after" hint="When nothing was added to it for so long, such as 7d. Left empty, never." validationMessage={wrong("resolveAfter")}><Input value={rule.resolveAfter ?? ""} readOnly={disabled} onChange={(_, data) => set({ resolveAfter: text(data.value) })} /></Field>
          {!isAbsence && <Field label="Learn for" hint="For so long after it is made “first seen” only learns what there is, such as 1d." validationMessage={wrong("learning")}><Input value={rule.learning ?? ""} readOnly={disabled} onChange={(_, data) => set({ learning: text(data.value) })} /></Field>}
        </div>
        <Switch checked={escalate !== null} disabled={disabled} onChange={(_, data) => set({ escalate: data.checked ? { after: "30m", alerters: [] } : null })} label={escalate ? "Others are told if nobody acknowledges" : "Nobody else is told if nobody acknowledges"} />
        {escalate && (
          <div className="fields">
            <Field label="After" hint="1m to 7d." validationMessage={wrong("escalate.after")}><Input value={escalate.after} readOnly={disabled} onChange={(_, data) => set({ escalate: { ...escalate, after: data.value } })} /></Field>
            <Field label="Whom" validationMessage={wrong("escalate.alerters")}><Choice label="Escalation" placeholder="Choose alerters" many={escalate.alerters} options={alerters.map((name) => [name, name])} onChange={(many) => !disabled && set({ escalate: { ...escalate, alerters: many?.split(",") ?? [] } })} /></Field>
          </div>
        )}
      </div>
    </Section>
  );
}
