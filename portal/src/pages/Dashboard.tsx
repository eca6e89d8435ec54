import { Button, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, type CSSProperties } from "react";
import { use, type Schemas } from "../api";
import { Go, Loading, Num, Page, Problem, Section, State, When } from "../parts/basics";
import { Chart } from "../parts/Chart";
import { counted, grouped, platformName } from "../parts/format";
import { useMay } from "../session";
import { About } from "./parts/AlertAbout";

const colors: Record<string, string> = { online: "--ok", offline: "--idle", silent: "--warn", never_reported: "--idle", pending: "--series-2", inactive: "--idle" };
const every = { refetchInterval: 15_000 };

export function DashboardPage() {
  const isOperator = useMay("operator");
  const nodes = use.useQuery("get", "/api/stats/nodes", {}, every);
  const activity = use.useQuery("get", "/api/stats/activity", { params: { query: { hours: 24 } } }, every);
  const newest = use.useQuery("get", "/api/nodes", { params: { query: { sort: "enrolledAt", order: "desc", take: 6 } } }, every);
  const silent = use.useQuery("get", "/api/nodes", { params: { query: { status: "silent", sort: "lastSeenAt", order: "desc", take: 6 } } }, every);
  const alerts = use.useQuery("get", "/api/alerts", { params: { query: { take: 8, state: "open,acknowledged" } } }, every);
  const denylisted = use.useQuery("get", "/api/denylisted-queries", { params: { query: { take: 5 } } });
  const costs = use.useQuery("get", "/api/stats/queries", { params: { query: { take: 5 } } });
  const dead = use.useQuery("get", "/api/dead-letters", { params: { query: { take: 100 } } }, every);
  const navigate = useNavigate();
  const deadCount = dead.data?.items.length ?? 0;

  return (
    <Page title="Dashboard" under={nodes.data && `${counted(nodes.data.total, "node")}`} actions={isOperator && <Button appearance="primary" onClick={() => void navigate({ to: "/live" })}>Live query</Button>}>
      <Problem of={nodes.error ?? activity.error} retry={() => { void nodes.refetch(); void activity.refetch(); }} />
      {nodes.data && <Guide total={nodes.data.total} />}
      {nodes.data && nodes.data.cloned > 0 && (
        <MessageBar intent="warning"><MessageBarBody>{counted(nodes.data.cloned, "node")} {nodes.data.cloned === 1 ? "has" : "have"} two machines behind one identifier. <Go to="/nodes" search={{ duplicates: "1" }}>See which</Go></MessageBarBody></MessageBar>
      )}
      {deadCount > 0 && <MessageBar intent="error"><MessageBarBody>{counted(deadCount, "message was", "messages were")} given up. <Go to="/dead-letters">See the dead letters</Go></MessageBarBody></MessageBar>}
      {nodes.data ? (
        <div className="tiles">
          {nodes.data.statuses.map((one) => (
            <Link key={one.name} to="/nodes" search={{ status: one.name }} className="tile" style={{ "--tile": `var(${colors[one.name] ?? "--idle"})` } as CSSProperties}>
              <strong>{grouped(one.count)}</strong><span className="state">{one.name.replace("_", " ")}</span>
            </Link>
          ))}
        </div>
      ) : <Loading lines={2} />}
      <div className="grid">
        <Hours title="Check-ins by hour" hours={activity.data?.hours} series={[["Check-ins", "checkIns", "--series-1"]]} to="/nodes" />
        <Hours title="Results by hour" hours={activity.data?.hours} series={[["Result lines", "resultLines", "--series-2"], ["Status lines", "statusLines", "--series-4"]]} to="/results" />
        <Hours title="Alerts by hour" hours={activity.data?.hours} series={[["Alerts", "alerts", "--series-3"]]} to="/alerts" />
      </div>
      <div className="grid">
        <Section title="Open alerts" actions={<Go to="/alerts">All alerts</Go>}>
          {alerts.data ? (alerts.data.items.length === 0 ? <p className="muted">No alert is open. <Go to="/rules">Rules</Go> watch the results.</p> : (
            <ul className="plain">{alerts.data.items.map((alert) => (
              <li key={alert.id} className="row line"><State of={alert.severity} /><span className="one-line"><Go to="/alerts/$id" params={{ id: alert.id }}>{alert.title}</Go> on <About alert={alert} /></span><span className="muted"><When at={alert.raisedAt} /></span></li>
            ))}</ul>
          )) : <Loading />}
        </Section>
        <Section title="Silent nodes" actions={<Go to="/nodes" search={{ status: "silent" }}>All silent nodes</Go>}>
          {silent.data ? <NodeList nodes={silent.data.items} none="Every node has checked in lately." time={(node) => node.lastSeenAt} /> : <Loading />}
        </Section>
        <Section title="Newest enrollments" actions={<Go to="/nodes" search={{ sort: "enrolledAt", order: "desc" }}>All by enrollment</Go>}>
          {newest.data ? <NodeList nodes={newest.data.items} none="No machine has enrolled yet." time={(node) => node.enrolledAt} /> : <Loading />}
        </Section>
      </div>
      <div className="grid">
        <Section title="Platforms">{nodes.data ? <Bars counts={nodes.data.platforms} of={nodes.data.total} name={(name) => platformName(name) || "unknown"} search={(name) => ({ platform: name })} /> : <Loading />}</Section>
        <Section title="osquery versions">{nodes.data ? <Bars counts={nodes.data.osqueryVersions.slice(0, 8)} of={nodes.data.total} name={(name) => name || "unknown"} search={(name) => ({ osqueryVersion: name })} /> : <Loading />}</Section>
        <Section title="Slowest queries">
          {costs.data ? (costs.data.slowest.length === 0 ? <p className="muted">Agents have not told how long their queries take.</p> : (
            <ul className="plain">{costs.data.slowest.map((one) => <li key={one.name} className="row line"><span className="one-line mono" title={one.name}><Costly name={one.name} /></span><span className="number">{grouped(Math.round(one.meanMs))} ms</span></li>)}</ul>
          )) : <Loading />}
          {denylisted.data && denylisted.data.items.length > 0 && <p className="muted">Denylisted now: {denylisted.data.items.map((one, i) => <span key={one.query}>{i > 0 && ", "}<Costly name={one.query} /> (<Go to="/nodes" search={{ denylisted: one.query }}>{counted(one.nodes, "node")}</Go>)</span>)}</p>}
        </Section>
      </div>
    </Page>
  );
}

/** A query of the schedule leads to its results; one that was asked once is told by its text. */
const Costly = ({ name }: { name: string }) => (/\s/.test(name) ? <>{name}</> : <Go to="/results" search={{ query: name }}>{name}</Go>);

function NodeList({ nodes, none, time }: { nodes: Schemas["Node"][]; none: string; time: (node: Schemas["Node"]) => string | null | undefined }) {
  if (nodes.length === 0) return <p className="muted">{none}</p>;
  return <ul className="plain">{nodes.map((node) => <li key={node.id} className="row line"><span className="one-line"><Go to="/nodes/$id" params={{ id: node.id }}>{node.displayName}</Go></span><span className="muted"><When at={time(node) ?? null} /></span></li>)}</ul>;
}

function Bars({ counts, of, name, search }: { counts: Schemas["CountOf"][]; of: number; name: (name: string) => string; search: (name: string) => Record<string, string> }) {
  if (counts.length === 0) return <p className="muted">Nothing to count yet.</p>;
  return (
    <div className="bars">
      {counts.map((one) => {
        const bar = <><span>{name(one.name)}</span><span className="bar" aria-hidden><i style={{ width: `${(100 * one.count) / Math.max(1, of)}%` }} /></span><span><Num of={one.count} /></span></>;
        // What nodes have not told cannot be filtered by.
        return one.name === "" ? <div key="">{bar}</div> : <Link key={one.name} to="/nodes" search={search(one.name)}>{bar}</Link>;
      })}
    </div>
  );
}

type HourKey = Exclude<keyof Schemas["HourStats"], "hour">;

function Hours({ title, hours, series, to }: { title: string; hours: Schemas["HourStats"][] | undefined; series: [string, HourKey, string][]; to: "/nodes" | "/results" | "/alerts" }) {
  const shown = useMemo(() => hours && { times: hours.map((one) => Date.parse(one.hour) / 1000), series: series.map(([name, key, color]) => ({ name, color, values: hours.map((one) => one[key]) })) }, [hours]);
  return <Section title={title} actions={<Go to={to}>See them</Go>}>{shown ? <Chart title={title} times={shown.times} series={shown.series} /> : <Loading lines={6} />}</Section>;
}

/** The first three things that people do here; gone when all are done. */
function Guide({ total }: { total: number }) {
  const isAdmin = useMay("admin");
  const packs = use.useQuery("get", "/api/packs", { params: { query: { take: 1 } } });
  const queries = use.useQuery("get", "/api/queries", { params: { query: { take: 1 } } });
  const rules = use.useQuery("get", "/api/rules", { params: { query: { take: 1 } } });
  if (!packs.data || !rules.data || !queries.data) return null;
  const steps: [boolean, string, string, JSX][] = [
    [total > 0, "Enroll a machine", "Start osqueryd with a flagfile and an enroll secret.", isAdmin ? <Go to="/enrollment">Show me how</Go> : <span className="muted">An admin has the secret.</span>],
    [packs.data.items.length + queries.data.items.length > 0, "Give it something to ask", "Import a pack of queries; osquery's own come as files.", <Go to="/packs" search={{ import: "1" }}>Import a pack</Go>],
    [rules.data.items.length > 0, "Write a rule", "Rules watch the results and raise alerts.", <Go to="/rules/$id" params={{ id: "+new" }}>Write one</Go>],
  ];
  if (steps.every(([done]) => done)) return null;
  return (
    <Section title="Get started">
      <ol className="guide">{steps.map(([done, name, text, action]) => <li key={name} className={done ? "done" : ""}><strong>{name}{done && <span className="muted"> (done)</span>}</strong><span className="muted">{text}</span>{action}</li>)}</ol>
    </Section>
  );
}

type JSX = React.JSX.Element;
