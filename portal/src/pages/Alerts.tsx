import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { api, body, Fault, use, type Schemas } from "../api";
import { Copyable, Empty, Fact, Go, Loading, Page, Section, State, When } from "../parts/basics";
import { pretty } from "../parts/Code";
import { type Column, DataTable } from "../parts/DataTable";
import { fixed, useCursor } from "../parts/rows";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Choice } from "./Nodes";
import { AlertRows } from "./parts/AlertRows";
import { ConditionTree } from "./parts/ConditionTree";
import { type GroupJson, leaves, lineOf, worded } from "./parts/conditions";
import { NodeName } from "./parts/NodeName";
import { NodePicker } from "./parts/NodePicker";
import { TimeRange } from "./parts/TimeRange";

const severities = ["critical", "high", "medium", "low", "info"];

/** What rules raised, newest first. */
export function AlertsPage() {
  const at = useAddress();
  const rules = use.useQuery("get", "/api/rules", { params: { query: { take: 500 } } }, { staleTime: 30_000 });
  const filter = { ruleId: at.one("ruleId") || undefined, nodeId: at.one("nodeId") || undefined, severity: at.one("severity") || undefined, from: at.one("from") || undefined, to: at.one("to") || undefined };
  const isFiltered = Object.values(filter).some(Boolean);
  const rows = useCursor<Schemas["Alert"]>(["alerts", filter], (after, signal) => body(api.GET("/api/alerts", { params: { query: { ...filter, take: 100, after } }, signal })), { refetchInterval: 10_000 });
  return (
    <Page title="Alerts" under="Raised by rules, newest first, with how far each came.">
      <div className="row end">
        <Choice label="Severity" single many={at.many("severity")} options={severities.map((one) => [one, one])} onChange={(severity) => at.set({ severity })} />
        <Choice label="Rule" single many={at.many("ruleId")} options={(rules.data?.items ?? []).map((rule) => [rule.id, rule.name])} onChange={(ruleId) => at.set({ ruleId })} />
        <div className="grow"><NodePicker label="Node" nodes={at.many("nodeId").filter(Boolean)} onChange={(ids) => at.set({ nodeId: ids.at(-1) })} /></div>
        <TimeRange from={at.one("from")} to={at.one("to")} onChange={(range) => at.set(range)} />
        {isFiltered && <Button appearance="subtle" onClick={() => at.set({ ruleId: undefined, nodeId: undefined, severity: undefined, from: undefined, to: undefined })}>Clear filters</Button>}
      </div>
      <AlertRows rows={rows} empty={isFiltered ? <Empty title="No alert is like that" /> : <Empty title="Nothing was raised yet" action={<Go to="/rules">To the rules</Go>}>When a line matches a rule, its alert stands here and goes to the rule's alerters.</Empty>} />
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
    <Page title={alert.ruleName} under={<span className="row"><State of={alert.severity} /> on <NodeName id={alert.nodeId} /> <When at={alert.raisedAt} /> <Go to="/alerts">All alerts</Go></span>}>
      <Matched alert={alert} />
      <Section title="Deliveries">
        {alert.deliveries.length === 0 ? <span className="muted">The rule had no alerter: the alert stands here only.</span>
          : <DataTable name="Deliveries" columns={deliveryColumns} rows={fixed(alert.deliveries)} rowKey={(one) => one.alerter} empty={null} />}
        {alert.deliveries.some((one) => one.state === "failed") && <span className="muted">What was given up stands under <Go to="/dead-letters">dead letters</Go>, from where it can be sent again.</span>}
      </Section>
    </Page>
  );
}

/** The line as it was, and the rule's conditions, each with whether it holds. */
function Matched({ alert }: { alert: Schemas["Alert"] }) {
  const isOperator = useMay("operator");
  const line = alert.line as unknown as Schemas["Result"];
  const rule = useQuery({ queryKey: ["rule", alert.ruleId, "plain"], retry: false, queryFn: ({ signal }) => body(api.GET("/api/rules/{id}", { params: { path: { id: alert.ruleId } }, signal })) });
  const conditions = rule.data?.conditions as GroupJson | undefined;
  const verdict = useQuery({
    queryKey: ["rule-test", alert.id, conditions], enabled: conditions !== undefined, staleTime: Infinity,
    queryFn: ({ signal }) => body(api.POST("/api/rules/test", { body: { conditions: conditions as never, line: lineOf(JSON.stringify(line)) }, signal })),
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
        {rule.error ? (rule.error instanceof Fault && rule.error.status === 404 ? <span className="muted">It was deleted since.</span> : <Lacking of={rule.error} what="rule" />) : !conditions ? <Loading /> : (
          <>
            {rule.data?.description && <p style={{ margin: 0, whiteSpace: "pre-wrap" }}>{rule.data.description}</p>}
            {verdict && !verdict.matches && <MessageBar intent="info"><MessageBarBody>The rule was changed since: as it is now, it would not match this line.</MessageBarBody></MessageBar>}
            <ConditionTree of={conditions} verdict={verdict} />
          </>
        )}
      </Section>
    </div>
  );
}
