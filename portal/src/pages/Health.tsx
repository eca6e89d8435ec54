import { useMemo } from "react";
import { use, type Schemas } from "../api";
import { Empty, Go, Loading, Num, Page, Problem, Section, State, When } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { grouped } from "../parts/format";
import { fixed } from "../parts/rows";

type Metric = Schemas["Metric"];

const every = { refetchInterval: 10_000 };
const about: Record<string, string> = { store: "Store", bus: "Bus", changes: "Change feed", chores: "Chores", rules: "Rules", alerters: "Alerters", sinks: "Sinks" };

/** Stages of the road that data takes, in its order, by the beginnings of their metrics' names. */
const stages: [string, string][] = [
  ["fleet.agent", "Agents' calls"], ["fleet.lines", "Lines in"], ["fleet.batches", "Batches"], ["fleet.bus", "Bus"], ["fleet.rules", "Rules"], ["fleet.alerts", "Alerts"], ["fleet.deliveries", "Deliveries"], ["fleet.sinks", "Sinks"], ["fleet.storage", "Store"], ["fleet.changes", "Change feed"],
];

const seconds = (value: number) => (value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 2 : 0)} ms` : `${value.toFixed(1)} s`);
const tagged = (metric: Metric) => Object.entries(metric.tags).map(([name, value]) => `${name} ${value}`).join(", ");

const columns: Column<Metric>[] = [
  {
    id: "what", name: "What", narrow: true, width: "minmax(200px, 3fr)", cell: (metric) => (
      <span className="two-lines" title={metric.name}>
        <span className="one-line mono">{Object.values(metric.tags).join(" · ") || "all"}</span>
        <span className="one-line muted">{metric.description.replace(/\.$/, "")}</span>
      </span>
    ),
  },
  { id: "hour", name: "Last hour", width: "110px", narrow: true, cell: (metric) => <Num of={metric.lastHour} /> },
  { id: "total", name: "Since start", width: "120px", cell: (metric) => <Num of={metric.total} /> },
  { id: "mean", name: "Mean", width: "90px", cell: (metric) => (metric.mean === null ? "" : seconds(metric.mean)) },
  { id: "most", name: "Most", width: "90px", cell: (metric) => (metric.most === null ? "" : seconds(metric.most)) },
];

/** How the server itself is doing. */
export function HealthPage() {
  const health = use.useQuery("get", "/api/health", {}, every);
  const metrics = use.useQuery("get", "/api/metrics", {}, every);
  const byStage = useMemo(() => stages.map(([prefix, name]): [string, Metric[]] => [name, (metrics.data?.metrics ?? []).filter((metric) => metric.name.startsWith(prefix))]), [metrics.data]);
  return (
    <Page title="Health" under={health.data && <span className="row"><State of={health.data.status} /> Fleet {health.data.version}, this instance since <When at={health.data.startedAt} /></span>}>
      <Problem of={health.error ?? metrics.error} retry={() => { void health.refetch(); void metrics.refetch(); }} />
      {!health.data ? <Loading lines={6} /> : (
        <Section title="Parts">
          <dl className="facts">{health.data.parts.map((part) => <div key={part.name} style={{ display: "contents" }}><dt>{about[part.name] ?? part.name}</dt><dd><State of={part.status} /> {part.detail} {part.status === "sick" && <Where of={part.name} />}</dd></div>)}</dl>
        </Section>
      )}
      {!metrics.data ? <Loading lines={8} /> : metrics.data.metrics.length === 0 ? <Empty title="Nothing has happened yet">What agents send, rules find and alerters tell is counted here.</Empty> : byStage.filter(([, of]) => of.length > 0).map(([name, of]) => (
        <Section key={name} title={name} actions={<span className="muted">{grouped(of.reduce((sum, metric) => sum + (metric.mean === null ? metric.lastHour : 0), 0))} in the last hour</span>}>
          <DataTable name={name} columns={columns} rows={fixed(of)} rowKey={(metric) => metric.name + tagged(metric)} empty={null} rowHeight={58} height="480px" />
        </Section>
      ))}
      <p className="muted">These are this instance's own numbers, since its start. For those of all instances, and traces, set <code>OTEL_EXPORTER_OTLP_ENDPOINT</code>.</p>
    </Page>
  );
}

/** Where one does something about it. */
function Where({ of }: { of: string }) {
  if (of === "bus") return <Go to="/dead-letters">Dead letters</Go>;
  if (of === "alerters") return <Go to="/alerters">Alerters</Go>;
  if (of === "sinks") return <Go to="/sinks">Sinks</Go>;
  return null;
}
