import { Button, MessageBar, MessageBarBody, ProgressBar } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import type { Schemas } from "../../api";
import { Go, Num, Problem, Section, When } from "../../parts/basics";
import { type Column, DataTable } from "../../parts/DataTable";
import { counted, grouped } from "../../parts/format";
import { fixed } from "../../parts/rows";
import { useBackTest } from "./backTest";
import { TimeRange } from "./TimeRange";

const ranges: [string, number][] = [["Last hour", 1], ["Last day", 24], ["Last 7 days", 168], ["Last 30 days", 720]];

const nodeColumns: Column<Schemas["BackTestNode"]>[] = [
  { id: "node", name: "Node", narrow: true, cell: (one) => <Go to="/nodes/$id" params={{ id: one.nodeId }}>{one.hostIdentifier || one.nodeId.slice(0, 8) + "…"}</Go> },
  { id: "matches", name: "Matches", narrow: true, width: "100px", cell: (one) => <Num of={one.matches} /> },
];

/** The rule as it stands in the editor, over what was stored. */
export function BackTestView({ rule }: { rule: Schemas["RuleRequest"] }) {
  const test = useBackTest();
  const [range, setRange] = useState<{ from: string; to: string }>({ from: "", to: "" });
  useEffect(() => test.stop, []);
  const start = (hours?: number) => void test.run({ rule, ...(hours ? { from: new Date(Date.now() - hours * 3_600_000).toISOString() } : { ...(range.from ? { from: range.from } : {}), ...(range.to ? { to: range.to } : {}) }) });
  const { progress, result } = test;
  return (
    <Section title="Over stored results" actions={test.isRunning && <Button size="small" onClick={test.stop}>Stop</Button>}>
      <p className="muted" style={{ margin: 0 }}>What the rule would have found, and the alerts that it would have raised. Nobody is told.</p>
      <div className="row end">
        {ranges.map(([name, hours]) => <Button key={name} disabled={test.isRunning} onClick={() => start(hours)}>{name}</Button>)}
        <TimeRange from={range.from} to={range.to} onChange={(changed) => setRange((before) => ({ from: "from" in changed ? changed.from ?? "" : before.from, to: "to" in changed ? changed.to ?? "" : before.to }))} />
        <Button disabled={test.isRunning || !range.from} onClick={() => start()}>This range</Button>
      </div>
      <Problem of={test.fault} />
      {test.isRunning && (
        <div aria-live="polite">
          <ProgressBar value={(progress?.percent ?? 0) / 100} aria-label="How far it is" />
          <span className="muted">{progress ? `${counted(progress.lines, "line")} judged, ${counted(progress.matches, "match", "matches")}, ${counted(progress.alerts, "alert")} so far` : "Starting…"}</span>
        </div>
      )}
      {result && !test.isRunning && <Result of={result} />}
    </Section>
  );
}

function Result({ of }: { of: Schemas["BackTestResult"] }) {
  const most = Math.max(1, ...of.days.map((day) => day.matches));
  return (
    <>
      <div role="status"><strong>{counted(of.matches, "match", "matches")}</strong> on {counted(of.nodesMatched, "node")}, which would have been <strong>{counted(of.alerts, "alert")}</strong>. <span className="muted">{counted(of.lines, "line")} judged in {grouped(of.seconds)} s.</span></div>
      {of.isTruncated && <MessageBar intent="warning"><MessageBarBody>More had to be remembered than can be: the alerts are an estimate. A shorter range or a narrower rule tells exactly.</MessageBarBody></MessageBar>}
      {of.matches > 0 && (
        <div className="grid two">
          <div className="bars" aria-label="Matches by day">
            {of.days.map((day) => <div key={day.day}><span>{day.day}</span><span className="bar" aria-hidden><i style={{ width: `${(100 * day.matches) / most}%` }} /></span><span><Num of={day.matches} /> <span className="muted">({counted(day.alerts, "alert")})</span></span></div>)}
          </div>
          <DataTable name="Nodes that match" columns={nodeColumns} rows={fixed(of.nodes)} rowKey={(one) => one.nodeId} empty={null} height="260px" />
        </div>
      )}
      {of.samples.length > 0 && (
        <details open><summary>Some of the rows</summary>
          <ul className="plain pick">{of.samples.map((row, i) => {
            const line = row.line as { name?: string; hostIdentifier?: string; columns?: Record<string, unknown> };
            return <li key={i} className="mono one-line"><span className="muted"><When at={row.time} plain /></span> {line.hostIdentifier} {line.name} {Object.entries(line.columns ?? {}).map(([name, value]) => `${name}=${String(value)}`).join("  ")}</li>;
          })}</ul>
        </details>
      )}
    </>
  );
}
