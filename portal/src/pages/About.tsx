import { Link } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { Fact, Loading, Page, Problem, Section, State } from "../parts/basics";
import { counted } from "../parts/format";
import { useTables } from "../parts/Sql";

const keys: [string, string][] = [["Ctrl-K", "go anywhere, or run a command"], ["Ctrl-Enter", "run the query that is being written"], ["Tab", "take what is offered while writing code; else leave the field"], ["Ctrl-M", "go to what was just told, such as to undo it"], ["Escape", "close what is open"]];

export function AboutPage() {
  const health = useQuery({ queryKey: ["health"], queryFn: async ({ signal }) => (await fetch("/healthz", { signal, headers: { Accept: "application/json" } })).json() as Promise<{ status: string; version?: string; detail?: string }>, refetchInterval: 30_000 });
  const tables = useTables();
  return (
    <Page title="About Fleet" under="An osquery fleet manager.">
      <div className="grid two">
        <Section title="This server">
          <Problem of={health.error} retry={() => void health.refetch()} />
          {health.data ? (
            <dl className="facts">
              <Fact name="Version">{health.data.version ?? "unknown"}</Fact>
              <Fact name="Health"><State of={health.data.status === "ok" ? "done" : "failed"} title={health.data.status} /> {health.data.status === "ok" ? "the store answers" : health.data.detail}</Fact>
              <Fact name="osquery">{tables ? `tables and columns of ${tables.osqueryVersion}: ${counted(tables.tables.length, "table")}` : "…"}</Fact>
            </dl>
          ) : <Loading lines={3} />}
        </Section>
        <Section title="REST API">
          <p style={{ margin: 0 }}>Everything here can be done by scripts. <Link href="/api/openapi.json" inline>The API's description</Link> (OpenAPI) names every path; a token from “API tokens” goes into the header <code>Authorization: Bearer …</code>. The same program is the command line: <code>fleet --help</code>.</p>
        </Section>
        <Section title="Keys">
          <dl className="facts">{keys.map(([key, what]) => <Fact key={key} name={key}>{what}</Fact>)}</dl>
        </Section>
      </div>
    </Page>
  );
}
