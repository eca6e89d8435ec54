import { Button, Field, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, MessageBar, MessageBarBody, Switch, Tab, TabList } from "@fluentui/react-components";
import { DeleteRegular, FlashRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { address, api, body, ifMatch, use, versioned, type Schemas } from "../api";
import { Copyable, Empty, Fact, Go, Loading, Num, Page, Problem, Section, State, Tags, When } from "../parts/basics";
import { Diff, JsonEditor, pretty } from "../parts/Code";
import { counted, platformName } from "../parts/format";
import { useCursor } from "../parts/rows";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { worded } from "./Nodes";
import { AlertRows } from "./parts/AlertRows";
import { ResultRows } from "./parts/ResultRows";
import { StatusRows } from "./parts/StatusRows";

type Node = Schemas["Node"];
const tabs = [["overview", "Overview"], ["config", "Configuration"], ["results", "Results"], ["logs", "Status logs"], ["alerts", "Alerts"], ["activity", "Timeline"]] as const;

export function NodePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const at = useAddress();
  const isOperator = useMay("operator");
  const navigate = useNavigate();
  const found = useQuery({ queryKey: ["node", id], queryFn: ({ signal }) => versioned(api.GET("/api/nodes/{id}", { params: { path: { id } }, signal })), refetchInterval: 10_000 });
  const tab = tabs.find(([value]) => value === at.one("tab"))?.[0] ?? "overview";
  if (found.error && !found.data) return <Page title="Node"><Lacking of={found.error} what="node" retry={() => void found.refetch()} /></Page>;
  if (!found.data) return <Page title="Node"><Loading lines={8} /></Page>;
  const { item: node, etag } = found.data;
  return (
    <Page title={node.displayName} under={<span className="row"><State of={worded(node.status)} /> <span>{platformName(node.platform)}{node.osqueryVersion && `, osquery ${node.osqueryVersion}`}</span> <span>seen <When at={node.lastSeenAt ?? null} /></span></span>}
      actions={isOperator && <><Button appearance="primary" icon={<FlashRegular />} onClick={() => void navigate({ to: "/live", search: { nodes: node.id } })}>Ask this node</Button><Actions node={node} /></>}>
      <Notices node={node} />
      <TabList selectedValue={tab} onTabSelect={(_, data) => at.set({ tab: String(data.value), query: undefined }, true)} aria-label="About this node" style={{ overflowX: "auto", overflowY: "hidden" }}>
        {tabs.map(([value, name]) => <Tab key={value} value={value}>{name}</Tab>)}
      </TabList>
      {tab === "overview" && <Overview node={node} etag={etag} />}
      {tab === "config" && <Configuration node={node} />}
      {tab === "results" && <Results node={node} />}
      {tab === "logs" && <Logs node={node} />}
      {tab === "alerts" && <Alerts node={node} />}
      {tab === "activity" && <Activity node={node} />}
    </Page>
  );
}

function Notices({ node }: { node: Node }) {
  const isOperator = useMay("operator");
  const isAdmin = useMay("admin");
  const approve = use.useMutation("post", "/api/nodes/{id}/approve");
  const talk = useTalk();
  const size = use.useQuery("get", "/api/nodes/{id}/config-size", { params: { path: { id: node.id } } }, { staleTime: 30_000 });
  return (
    <>
      {size.data?.fault && <MessageBar intent="error" layout="multiline"><MessageBarBody>{size.data.fault}</MessageBarBody></MessageBar>}
      {node.pending && (
        <MessageBar intent="warning" layout="multiline"><MessageBarBody>
          This machine enrolled again and waits for a person to let it in.{" "}
          {(isOperator || isAdmin) && <Button size="small" onClick={() => void approve.mutateAsync({ params: { path: { id: node.id } } }).then(() => talk.tell("The node is let in"), talk.fail)}>Let it in</Button>}
        </MessageBarBody></MessageBar>
      )}
      {!node.active && !node.pending && <MessageBar intent="info"><MessageBarBody>This node is inactive: it gets no configuration and no questions.</MessageBarBody></MessageBar>}
      {node.denylisted.length > 0 && <MessageBar intent="warning" layout="multiline"><MessageBarBody>The agent was ended while it ran {node.denylisted.length === 1 ? "a query" : `${node.denylisted.length} queries`}, and leaves {node.denylisted.length === 1 ? "it" : "them"} alone for a day: {node.denylisted.map((one, i) => <span key={one.query}>{i > 0 && ", "}<code>{one.query}</code> <When at={one.at} /></span>)}.</MessageBarBody></MessageBar>}
      {node.cloned && <MessageBar intent="warning"><MessageBarBody>Two machines call themselves this. <Go to="/nodes" search={{ duplicates: "1" }}>Decide which is meant</Go></MessageBarBody></MessageBar>}
    </>
  );
}

function Actions({ node }: { node: Node }) {
  const talk = useTalk();
  const navigate = useNavigate();
  const isAdmin = useMay("admin");
  const queries = useQueryClient();
  const path = { id: node.id };
  const again = () => queries.invalidateQueries();
  const revoke = async () => {
    if (!(await talk.ask({ title: `Revoke the key of ${node.displayName}?`, text: "Its node key is invalid from then on. The agent notices within one check-in and enrolls anew with its secret, if that is still good. Nothing it sent is lost.", action: "Revoke the key", danger: true }))) return;
    await api.POST("/api/nodes/{id}/revoke", { params: { path } });
    talk.tell("The key is revoked", { text: "The agent enrolls anew by itself." });
    await again();
  };
  const remove = async () => {
    if (!(await talk.ask({ title: `Delete ${node.displayName}?`, text: <>The node, its tags and its place in reports go; its results and logs stay until their retention ends. If osquery still runs there with a good secret, the machine enrolls again as a new node. To stop it for good, switch its enroll secret off or <strong>deactivate</strong> the node instead.</>, action: "Delete the node", danger: true }))) return;
    await api.DELETE("/api/nodes/{id}", { params: { path } });
    talk.tell(`${node.displayName} was deleted`);
    await navigate({ to: "/nodes" });
    await again();
  };
  const link = async () => {
    const made = await body(api.POST("/api/nodes/{id}/device-link", { params: { path }, body: {} }));
    await talk.ask({ title: "A link for the machine's user", text: <><p>It shows what the machine was asked, by whom and why, without signing in.</p><Copyable name="the link" text={location.origin + made.path} /></>, action: "Done" });
  };
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement><Button icon={<MoreHorizontalRegular />} aria-label="More" /></MenuTrigger>
      <MenuPopover>
        <MenuList>
          {isAdmin && <MenuItem onClick={() => void link().catch(talk.fail)}>Link for the machine's user</MenuItem>}
          <MenuItem onClick={() => void revoke().catch(talk.fail)}>Revoke its key…</MenuItem>
          <MenuItem icon={<DeleteRegular />} onClick={() => void remove().catch(talk.fail)}>Delete…</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

function Overview({ node, etag }: { node: Node; etag: string | null }) {
  const isOperator = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const [name, setName] = useState(node.displayName);
  useEffect(() => setName(node.displayName), [node.displayName]);
  const change = async (patch: Schemas["NodePatch"], said: string, back?: Schemas["NodePatch"], isGuarded = true) => {
    try {
      const changed = await versioned(api.PATCH("/api/nodes/{id}", { params: { path: { id: node.id } }, body: patch, headers: ifMatch(isGuarded ? etag : null) }));
      queries.setQueryData(["node", node.id], changed);
      void queries.invalidateQueries();
      talk.tell(said, { footer: <Go to="/nodes/$id" params={{ id: node.id }} search={{ tab: "config" }}>See its configuration</Go>, ...(back ? { undo: async () => { await api.PATCH("/api/nodes/{id}", { params: { path: { id: node.id } }, body: back }); await queries.invalidateQueries(); } } : {}) });
    } catch (fault) {
      talk.fail(fault);
      void queries.invalidateQueries();
    }
  };
  // Tags are given and taken one by one, so that two quick ones, or two people, do not undo each other.
  const retag = async (tags: string[]) => {
    const addTags = tags.filter((tag) => !node.tags.includes(tag));
    const removeTags = node.tags.filter((tag) => !tags.includes(tag));
    await change({ addTags, removeTags }, "The tags were changed", { addTags: removeTags, removeTags: addTags }, false);
  };
  const activate = async (active: boolean) => {
    if (!active && !(await talk.ask({ title: `Deactivate ${node.displayName}?`, text: "It gets no configuration and no questions, and its logs are refused: the machine keeps them, as far as it has room, and sends them once the node is active again.", action: "Deactivate" }))) return;
    await change({ active }, active ? "The node is active" : "The node is inactive", { active: !active });
  };
  const info = Object.entries(node.info).filter(([, value]) => value !== "").sort(([a], [b]) => a.localeCompare(b));
  const details = node.hostDetails as Record<string, Record<string, string>> | null;
  return (
    <div className="grid two">
      <div className="stack">
        <Section title="Tags">
          {isOperator ? <TagEditor name="Tags of this node" tags={node.tags} onChange={(tags) => void retag(tags)} /> : <Tags of={node.tags} most={100} />}
          <p className="muted" style={{ margin: 0 }}>Its tags decide which queries, packs, file paths and options it gets.</p>
        </Section>
        <Applies node={node} />
      </div>
      <div className="stack">
        <Section title="Node">
          {isOperator && (
            <div className="row end">
              <Field label="Display name" className="grow"><Input value={name} onChange={(_, data) => setName(data.value)} onKeyDown={(event) => event.key === "Enter" && name !== node.displayName && void change({ displayName: name }, "The node was renamed", { displayName: node.displayName })} /></Field>
              <Button disabled={name === node.displayName} onClick={() => void change({ displayName: name }, "The node was renamed", { displayName: node.displayName })}>Rename</Button>
            </div>
          )}
          {isOperator && <Switch label={node.active ? "Active" : "Inactive: no configuration, no questions"} checked={node.active} onChange={(_, data) => void activate(data.checked)} />}
          <dl className="facts">
            <Fact name="Host identifier"><code>{node.hostIdentifier}</code></Fact>
            <Fact name="Node id"><code>{node.id}</code></Fact>
            <Fact name="Enrolled"><When at={node.enrolledAt ?? null} plain /></Fact>
            <Fact name="Last seen"><When at={node.lastSeenAt ?? null} plain />{node.lastAddress && <> from <span className="mono">{node.lastAddress}</span></>}</Fact>
          </dl>
        </Section>
        <Section title="What it told of itself">
          {info.length === 0 ? <p className="muted">It has not told anything yet: the queries whose results are captured run with its schedule.</p> : <dl className="facts">{info.map(([key, value]) => <Fact key={key} name={key.replaceAll("_", " ")}>{value}</Fact>)}</dl>}
        </Section>
        {details && Object.keys(details).length > 0 && (
          <Section title="Host details at enrollment">
            {Object.entries(details).map(([table, values]) => (
              <details key={table}><summary>{table.replaceAll("_", " ")}</summary><dl className="facts" style={{ padding: "8px 0 0 16px" }}>{Object.entries(values).map(([key, value]) => <Fact key={key} name={key}>{String(value)}</Fact>)}</dl></details>
            ))}
          </Section>
        )}
      </div>
    </div>
  );
}

/** What it gets, and by which of its tags. */
function Applies({ node }: { node: Node }) {
  const query = { params: { path: { id: node.id }, query: { take: 200 } } };
  const packs = use.useQuery("get", "/api/nodes/{id}/packs", query);
  const queries = use.useQuery("get", "/api/nodes/{id}/queries", query);
  const files = use.useQuery("get", "/api/nodes/{id}/file-paths", query);
  const options = use.useQuery("get", "/api/nodes/{id}/options", query);
  const kinds = [["Packs", "/packs/$name", packs.data?.items], ["Queries", "/queries/$name", queries.data?.items], ["File paths", "/file-paths/$name", files.data?.items], ["Options", "/options/$name", options.data?.items]] as const;
  return (
    <Section title="What applies to it">
      {kinds.map(([name, to, items]) => (
        <div key={name}>
          <div className="muted">{name}{items && ` (${items.length})`}</div>
          {!items ? <Loading lines={1} /> : items.length === 0 ? <span className="muted">none</span> : <ul className="plain">{items.map((one) => <li key={one.name} className="row"><Go to={to} params={{ name: one.name }}>{one.name}</Go><span className="muted">by <Tags of={one.tags} /></span></li>)}</ul>}
        </div>
      ))}
    </Section>
  );
}

/** The exact configuration, and what is different from when this browser showed it before. */
function Configuration({ node }: { node: Node }) {
  const config = use.useQuery("get", "/api/nodes/{id}/config", { params: { path: { id: node.id } } }, { refetchInterval: 10_000 });
  const [isDiff, setDiff] = useState(true);
  const text = useMemo(() => (config.data ? pretty(config.data) : ""), [config.data]);
  const key = `fleet.config.${node.id}`;
  const [before, setBefore] = useState<string | null>(null);
  useEffect(() => {
    if (!text) return;
    try {
      const kept = JSON.parse(sessionStorage.getItem(key) ?? "null") as { now: string; last: string | null } | null;
      if (kept?.now === text) setBefore(kept.last);
      else {
        setBefore(kept?.now ?? null);
        sessionStorage.setItem(key, JSON.stringify({ now: text, last: kept?.now ?? null }));
      }
    } catch {
      // A browser that keeps nothing shows no difference.
    }
  }, [text, key]);
  if (!config.data) return config.error ? <Problem of={config.error} /> : <Loading lines={12} />;
  const hasLast = before !== null && before !== text;
  return (
    <Section title="The configuration it gets" actions={<>{hasLast && <Switch label="Show what changed" checked={isDiff} onChange={(_, data) => setDiff(data.checked)} />}<Button size="small" onClick={() => void navigator.clipboard.writeText(text)}>Copy</Button></>}>
      {before !== null && hasLast && isDiff ? <><p className="muted" style={{ margin: 0 }}>Compared with the one that was shown here before.</p><Diff label="What changed in the configuration" before={before} after={text} /></> : <JsonEditor label="The configuration" value={text} readOnly maxHeight="70vh" />}
    </Section>
  );
}

function Results({ node }: { node: Node }) {
  const at = useAddress();
  const [isLive, setLive] = useState(false);
  const query = at.one("query");
  const activity = use.useQuery("get", "/api/nodes/{id}/activity", { params: { path: { id: node.id }, query: { take: 1000 } } });
  const counts = (activity.data?.items ?? []).filter((one) => one.kind === "results");
  const rows = useCursor(["node-results", node.id, query], (after, signal) => body(api.GET("/api/nodes/{id}/results", { params: { path: { id: node.id }, query: { query: query || undefined, take: 200, after } }, signal })), isLive ? { refetchInterval: 3_000 } : {});
  return (
    <div className="stack">
      <Section title="By query, lately" actions={<Go to="/results" search={{ node: node.id }}>Search all of its results</Go>}>
        {!activity.data ? <Loading lines={2} /> : counts.length === 0 ? <p className="muted">It has sent no results lately.</p> : (
          <ul className="plain">{counts.map((one) => <li key={one.title} className="row"><button type="button" className="linkish mono" aria-pressed={query === one.title} onClick={() => at.set({ query: query === one.title ? undefined : one.title })}>{one.title}</button><Num of={one.count ?? 0} /><span className="muted">newest <When at={one.at} /></span><Go to="/reports/$query" params={{ query: one.title }} search={{ node: node.id }}>what it holds now</Go></li>)}</ul>
        )}
      </Section>
      <ResultRows name={query ? `Results of ${query}` : "Results"} rows={rows} withNode={false} empty={<Empty title="No results yet">They come with the node's schedule: see what applies to it.</Empty>}
        tools={<><Switch label="Live" checked={isLive} onChange={(_, data) => setLive(data.checked)} />{query && <Button size="small" appearance="subtle" onClick={() => at.set({ query: undefined })}>All queries</Button>}</>} />
    </div>
  );
}

function Logs({ node }: { node: Node }) {
  const rows = useCursor(["node-logs", node.id], (after, signal) => body(api.GET("/api/nodes/{id}/status-logs", { params: { path: { id: node.id }, query: { take: 200, after } }, signal })), { refetchInterval: 20_000 });
  return <StatusRows rows={rows} withNode={false} empty={<Empty title="No status logs">osquery sends them when something goes wrong, or more of them with --verbose.</Empty>} />;
}

function Alerts({ node }: { node: Node }) {
  const rows = useCursor(["node-alerts", node.id], (after, signal) => body(api.GET("/api/alerts", { params: { query: { nodeId: node.id, take: 100, after } }, signal })), { refetchInterval: 20_000 });
  return <AlertRows rows={rows} withNode={false} empty={<Empty title="No alert was raised for this node">Rules watch its results as they come.</Empty>} />;
}

const kinds: Record<string, string> = { question: "Asked", results: "Results", alert: "Alert", changed: "Changed", enrolled: "Enrolled", created: "Created", rotated: "Enrolled again", pending: "Waiting" };

function Activity({ node }: { node: Node }) {
  const at = useAddress();
  const rows = useCursor(["node-activity", node.id], (after, signal) => body(api.GET("/api/nodes/{id}/activity", { params: { path: { id: node.id }, query: { take: 200, after } }, signal })), { refetchInterval: 20_000 });
  const events = Array.from({ length: rows.count }, (_, i) => rows.at(i)!);
  if (rows.error) return <Problem of={rows.error} retry={rows.refetch} />;
  if (rows.isLoading) return <Loading lines={10} />;
  return (
    <Section title="What happened" actions={<Button size="small" as="a" href={address(`/nodes/${node.id}`, { tab: "results" })} onClick={(event: React.MouseEvent) => { event.preventDefault(); at.set({ tab: "results" }, true); }}>Its results</Button>}>
      <ol className="timeline">
        {events.map((one, i) => (
          <li key={i}>
            <span className="muted"><When at={one.at} plain /></span>
            <div><strong>{kinds[one.kind] ?? one.kind}</strong>{" "}<Title event={one} node={node} />{one.by && <span className="muted"> by {one.by}</span>}{one.count !== null && one.count !== undefined && <span className="muted"> ({counted(one.count, "line")})</span>}
              {one.detail !== null && one.detail !== undefined && one.kind === "changed" ? <details><summary className="muted">as it was then</summary><Copyable name="the details" text={pretty(one.detail)} /></details> : null}</div>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Title({ event, node }: { event: Schemas["NodeEvent"]; node: Node }) {
  const last = event.link?.split("/").pop() ?? "";
  if (event.kind === "question") return <Go to="/campaigns/$id" params={{ id: last }}>{event.title}</Go>;
  if (event.kind === "alert") return <Go to="/alerts/$id" params={{ id: last }}>{event.title}</Go>;
  if (event.kind === "results") return <Go to="/nodes/$id" params={{ id: node.id }} search={{ tab: "results", query: event.title }}>{event.title}</Go>;
  return <span>{event.title}</span>;
}

