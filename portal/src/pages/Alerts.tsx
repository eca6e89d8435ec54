import { Button, MessageBar, MessageBarBody, SearchBox } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, body, Fault, use, type Schemas } from "../api";
import { Copyable, Empty, Fact, Go, Loading, Page, Section, State, Tags, When } from "../parts/basics";
import { pretty } from "../parts/Code";
import { type Column, DataTable } from "../parts/DataTable";
import { counted } from "../parts/format";
import { fixed, useCursor } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useAddress, useSearchText } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Choice } from "./Nodes";
import { absenceWords } from "./parts/absence";
import { AlertActions } from "./parts/AlertActions";
import { About } from "./parts/AlertAbout";
import { AlertRows } from "./parts/AlertRows";
import { ConditionTree } from "./parts/ConditionTree";
import { type GroupJson, leaves, lineOf, worded } from "./parts/conditions";
import { NodePicker } from "./parts/NodePicker";
import { TimeRange } from "./parts/TimeRange";

const severities = ["critical", "high", "medium", "low", "info"];

/** What rules raised, newest first. */
export function AlertsPage() {
  const at = useAddress();
  const isOperator = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const rules = use.useQuery("get", "/api/rules", { params: { query: { take: 500 } } }, { staleTime: 30_000 });
  const [text, setText] = useSearchText();
  const filter = { state: at.one("state") || undefined, tag: at.one("tag") || undefined, q: at.one("q") || undefined, ruleId: at.one("ruleId") || undefined, nodeId: at.one("nodeId") || undefined, severity: at.one("severity") || undefined, from: at.one("from") || undefined, to: at.one("to") || undefined };
  const isFiltered = Object.values(filter).some(Boolean);
  const rows = useCursor<Schemas["Alert"]>(["alerts", filter], (after, signal) => body(api.GET("/api/alerts", { params: { query: { ...filter, take: 100, after } }, signal })), { refetchInterval: 10_000 });
  const change = async (action: "acknowledge" | "resolve") => {
    const ids = [...selected];
    if (action === "resolve" && !(await talk.ask({ title: `Resolve ${counted(ids.length, "alert")}?`, text: "Alerters that opened something for them close it.", action: "Resolve them" }))) return;
    let changed = 0;
    for (let first = 0; first < ids.length; first += 100) changed += (await body(api.POST("/api/alerts/change", { body: { ids: ids.slice(first, first + 100), action } }))).changed;
    setSelected(new Set());
    await queries.invalidateQueries();
    talk.tell(`${counted(changed, "alert")} ${action === "resolve" ? "resolved" : "acknowledged"}`);
  };
  return (
    <Page title="Alerts" under="Raised by rules, newest first, with how far each came." actions={isOperator && <Go to="/mutes">Maintenance</Go>}>
      <div className="row end">
        <SearchBox placeholder="Find in alerts" aria-label="Find in alerts" value={text} onChange={(_, data) => setText(data.value)} />
        <Choice label="State" many={at.many("state")} options={[["open", "open"], ["acknowledged", "acknowledged"], ["resolved", "resolved"]]} onChange={(state) => at.set({ state })} />
        <Choice label="Severity" single many={at.many("severity")} options={severities.map((one) => [one, one])} onChange={(severity) => at.set({ severity })} />
        <Choice label="Rule" single many={at.many("ruleId")} options={(rules.data?.items ?? []).map((rule) => [rule.id, rule.name])} onChange={(ruleId) => at.set({ ruleId })} />
        <div className="grow"><NodePicker label="Node" nodes={at.many("nodeId").filter(Boolean)} onChange={(ids) => at.set({ nodeId: ids.at(-1) })} /></div>
        <TimeRange from={at.one("from")} to={at.one("to")} onChange={(range) => at.set(range)} />
        {isFiltered && <Button appearance="subtle" onClick={() => at.set({ q: undefined, state: undefined, tag: undefined, ruleId: undefined, nodeId: undefined, severity: undefined, from: undefined, to: undefined })}>Clear filters</Button>}
      </div>
      <AlertRows rows={rows} {...(isOperator ? { selection: selected, onSelect: setSelected } : {})}
        tools={selected.size > 0 && <><span>{counted(selected.size, "alert")} selected</span><Button size="small" onClick={() => void change("acknowledge").catch(talk.fail)}>Acknowledge</Button><Button size="small" onClick={() => void change("resolve").catch(talk.fail)}>Resolve…</Button></>}
        empty={isFiltered ? <Empty title="No alert is like that" /> : <Empty title="Nothing was raised yet" action={<Go to="/rules">To the rules</Go>}>When a line matches a rule, its alert stands here and goes to the rule's alerters.</Empty>} />
    </Page>
  );
}

const deliveryColumns: Column<Schemas["Delivery"]>[] = [
  { id: "alerter", name: "Alerter", narrow: true, cell: (one) => one.alerter },
  { id: "state", name: "State", width: "110px", narrow: true, cell: (one) => <State of={one.state} /> },
  { id: "attempts", name: "Attempts", width: "90px", cell: (one) => one.attempts },
  { id: "at", name: "Last", width: "150px", cell: (one) => (one.at ? <When at={one.at} /> : "") },
  { id: "reason", name: "What it said", width: "minmax(200px, 3fr)", cell: (one) => <span title={one.reason ?? ""}>{one.reason}</span> },
];

export function AlertPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const found = useQuery({ queryKey: ["alert", id], queryFn: ({ signal }) => body(api.GET("/api/alerts/{id}", { params: { path: { id } }, signal })), refetchInterval: (query) => (query.state.data?.deliveries.some((one) => one.state === "pending" || one.state === "retrying") ? 3_000 : false) });
  if (found.error && !found.data) return <Page title="Alert"><Lacking of={found.error} what="alert" /></Page>;
  if (!found.data) return <Page title="Alert"><Loading lines={8} /></Page>;
  const alert = found.data;
  return (
    <Page title={alert.title} under={<span className="row"><State of={alert.severity} /> <State of={alert.state} /> on <About alert={alert} /> <When at={alert.raisedAt} /> <Go to="/alerts">All alerts</Go></span>} actions={<AlertActions alert={alert} />}>
      {alert.quietUntil && <MessageBar intent="info"><MessageBarBody>Nobody is told before <When at={alert.quietUntil} plain />: {alert.quietBy}.</MessageBarBody></MessageBar>}
      {alert.message && <p style={{ margin: 0, whiteSpace: "pre-wrap" }}>{alert.message}</p>}
      {alert.runbook && <p style={{ margin: 0 }}><a href={alert.runbook} target="_blank" rel="noreferrer">What to do</a></p>}
      <Matched alert={alert} />
      <div className="grid two">
        <Section title="What became of it"><Timeline alert={alert} /></Section>
        <Section title="Deliveries">
          {alert.deliveries.length === 0 ? <span className="muted">The rule had no alerter: the alert stands here only.</span>
            : <DataTable name="Deliveries" columns={deliveryColumns} rows={fixed(alert.deliveries)} rowKey={(one) => one.alerter} empty={null} />}
          {alert.deliveries.some((one) => one.state === "failed") && <span className="muted">What was given up stands under <Go to="/dead-letters">dead letters</Go>, from where it can be sent again.</span>}
          {alert.escalatesAt && <span className="muted">Others are told <When at={alert.escalatesAt} /> unless somebody acknowledges.</span>}
        </Section>
      </div>
    </Page>
  );
}

/** Who did what, the newest first. */
function Timeline({ alert }: { alert: Schemas["Alert"] }) {
  const steps = use.useQuery("get", "/api/alerts/{id}/history", { params: { path: { id: alert.id }, query: { take: 200 } } });
  return (
    <>
      <dl className="facts">
        <Fact name="Owner">{alert.owner ?? <span className="muted">nobody</span>}</Fact>
        <Fact name="Rows">{alert.count}{alert.count > 1 && <span className="muted">, the newest <When at={alert.lastAt} /></span>}</Fact>
        <Fact name="Rule's version">{alert.ruleVersion}</Fact>
        {alert.tags.length > 0 && <Fact name="Tags, then"><Tags of={alert.tags} /></Fact>}
      </dl>
      {!steps.data ? <Loading lines={3} /> : (
        <ol className="plain">{steps.data.items.map((step, i) => <li key={i}><strong>{step.action}</strong> {step.by && <>by {step.by} </>}<span className="muted"><When at={step.at} /></span>{step.text && <div style={{ whiteSpace: "pre-wrap" }}>{step.text}</div>}</li>)}</ol>
      )}
    </>
  );
}

/** The line as it was, and the rule's conditions, each with whether it holds. */
function Matched({ alert }: { alert: Schemas["Alert"] }) {
  const isOperator = useMay("operator");
  const line = alert.line as unknown as Schemas["Result"];
  const rule = useQuery({ queryKey: ["rule", alert.ruleId, "plain"], retry: false, queryFn: ({ signal }) => body(api.GET("/api/rules/{id}", { params: { path: { id: alert.ruleId } }, signal })) });
  const conditions = rule.data?.conditions as GroupJson | undefined;
  const verdict = useQuery({
    queryKey: ["rule-test", alert.id, conditions], enabled: !!conditions, staleTime: Infinity,
    queryFn: ({ signal }) => body(api.POST("/api/rules/test", { body: { conditions: conditions as never, line: { ...lineOf(JSON.stringify(line)), nodeId: alert.nodeId, tags: alert.tags } }, signal })),
  }).data;
  // Columns that a condition which holds is about.
  const marked = useMemo(() => new Set(conditions && verdict ? leaves(conditions).filter(({ path, leaf }) => leaf.field === "column" && verdict.conditions.find((one) => one.path === path)?.matches).map(({ leaf }) => worded(leaf).subject) : []), [conditions, verdict]);
  return (
    <div className="grid two">
      <Section title="The line that matched" actions={<Go to="/results" search={{ query: line.name, node: alert.nodeId }}>What else the node sent</Go>}>
        <dl className="facts">
          <Fact name="Query"><span className="mono">{line.name}</span></Fact>
          <Fact name="Action"><State of={line.action} /></Fact>
          {line.time && <Fact name="Time"><When at={line.time} plain /></Fact>}
          {Object.entries(line.columns ?? {}).map(([name, value]) => <Fact key={name} name={name}><span className={marked.has(name) ? "match mono" : "mono"}>{String(value) || "empty"}</span></Fact>)}
        </dl>
        <details><summary>As JSON</summary><Copyable name="the line" text={pretty(line)} /></details>
      </Section>
      <Section title="The rule" actions={rule.data && <Go to="/rules/$id" params={{ id: alert.ruleId }}>{isOperator ? "Change it" : "See it"}</Go>}>
        {rule.data?.absence ? <span>{absenceWords(rule.data.absence)}</span> : rule.error ? (rule.error instanceof Fault && rule.error.status === 404 ? <span className="muted">It was deleted since.</span> : <Lacking of={rule.error} what="rule" />) : !conditions ? <Loading /> : (
          <>
            {rule.data?.description && <p style={{ margin: 0, whiteSpace: "pre-wrap" }}>{rule.data.description}</p>}
            {verdict && !verdict.matches && rule.data && rule.data.version !== alert.ruleVersion && <MessageBar intent="info"><MessageBarBody>The rule was changed since: as it is now, it would not match this line.</MessageBarBody></MessageBar>}
            <ConditionTree of={conditions} verdict={verdict} />
          </>
        )}
      </Section>
    </div>
  );
}
