import { Button, Field, Input, Select, Switch, Tab, TabList, Textarea } from "@fluentui/react-components";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useRouterState } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { prepareRuleGroup } from "react-querybuilder";
import { api, body, ifMatch, use, versioned, faultOf, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section } from "../parts/basics";
import { CodeEditor, JsonEditor, pretty } from "../parts/Code";
import { useTalk } from "../parts/talk";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { Choice } from "./Nodes";
import { BackTestView } from "./parts/BackTestView";
import { ConditionTree } from "./parts/ConditionTree";
import { fromJson, type GroupJson, isConditions, lineOf, queryNames, shapesOf, toJson } from "./parts/conditions";
import { heldStill, isNew, useHeld, Versions } from "./parts/items";
import { RuleBuilder, useRecentLines } from "./parts/RuleBuilder";
import { RuleAbsence, RuleAlerts, RuleScope } from "./parts/RuleSettings";

type Rule = Schemas["Rule"];

export function RulePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const at = useAddress();
  const line = useRouterState({ select: (state) => (state.location.state as { line?: object }).line ?? null });
  const schema = use.useQuery("get", "/api/schema/rules", {}, { staleTime: Infinity });
  const query = at.one("query");
  // What a query's own words say is taken over; one that the configuration does not have is only named.
  const draft = useQuery({ queryKey: ["rule-draft", query], enabled: isNew(id) && query !== "" && line === null, retry: false, staleTime: Infinity, queryFn: ({ signal }) => body(api.GET("/api/rules/draft", { params: { query: { query } }, signal })) });
  const found = useQuery({ ...heldStill, queryKey: ["rule", id], enabled: !isNew(id), queryFn: ({ signal }) => versioned(api.GET("/api/rules/{id}", { params: { path: { id } }, signal })) });
  if (found.error && !found.data) return <Page title="Rule"><Lacking of={found.error} what="rule" /></Page>;
  if (!schema.data || (!found.data && !isNew(id))) return <Page title="Rule"><Problem of={schema.error} /><Loading lines={8} /></Page>;
  if (draft.isLoading) return <Page title="New rule"><Loading lines={8} /></Page>;
  if (isNew(id)) return <Editor schema={schema.data} rule={{ ...blank(query), ...(draft.data as Partial<Rule> | undefined) }} etag={null} isNew line={line} />;
  return <Editor key={id} schema={schema.data} rule={found.data!.item} etag={found.data!.etag} isNew={false} line={null} />;
}

const blank = (query: string): Rule => ({
  id: "", name: "", description: "", message: null, runbook: null, severity: "medium", enabled: true, alerters: [], tags: [], platforms: [], threshold: null, absence: null, group: { window: "1h", by: [] },
  resolveOnRemoved: false, resolveAfter: null, escalate: null, learning: null, version: 0, createdAt: "", updatedAt: "",
  conditions: { condition: "AND", rules: [{ field: "query_name", operator: "equal", value: query }, { field: "column", operator: "column_equal", value: ["", ""] }] } as never,
});

/** What a rule about absence has no use for is left out. */
const requestOf = ({ id: _, version: __, createdAt: ___, updatedAt: ____, ...rule }: Rule): Schemas["RuleRequest"] => ({
  ...rule, name: rule.name.trim(), message: rule.message || null, runbook: rule.runbook || null,
  ...(rule.absence ? { conditions: null, threshold: null, group: null, resolveOnRemoved: false, learning: null } : {}),
  ...(rule.threshold ? { resolveOnRemoved: false } : {}),
});

/** Where a rule about absence is made one about lines, there is something to begin with. */
const conditionsOf = (rule: Rule) => (rule.conditions ?? blank("").conditions) as GroupJson;

function Editor({ schema, rule: found, etag: foundEtag, isNew, line: given }: { schema: Schemas["RuleSchema"]; rule: Rule; etag: string | null; isNew: boolean; line: object | null }) {
  const mayWrite = useMay("operator");
  const talk = useTalk();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const alerters = use.useQuery("get", "/api/alerters", { params: { query: { take: 200 } } });
  const shapes = useMemo(() => shapesOf(schema), [schema]);
  const [rule, setRule] = useState(found);
  const [query, setQuery] = useState(() => prepareRuleGroup(fromJson(conditionsOf(found))));
  const [text, setText] = useState(() => pretty(conditionsOf(found)));
  const [view, setView] = useState("builder");
  const conditions = conditionsOf(rule);
  const set = (change: Partial<Rule>) => setRule((before) => ({ ...before, ...change }));
  const { item: saved, etag, isDirty, isSaving, fault, save } = useHeld(found, foundEtag, (base) => JSON.stringify(requestOf(rule)) !== JSON.stringify(requestOf(base)), (taken) => {
    setRule(taken);
    setQuery(prepareRuleGroup(fromJson(conditionsOf(taken))));
    setText(pretty(conditionsOf(taken)));
  });
  const names = useMemo(() => queryNames(conditions), [conditions]);
  const isBroken = parsed(text) === null;

  const onBuilt = (next: typeof query) => {
    setQuery(next);
    const json = toJson(next, shapes);
    setText(pretty(json));
    set({ conditions: json as never });
  };
  const onText = (next: string) => {
    if (next === text) return;
    setText(next);
    const json = parsed(next);
    if (json === null) return;
    setQuery(prepareRuleGroup(fromJson(json)));
    set({ conditions: json as never });
  };
  const write = async () => {
    const request = requestOf(rule);
    if (isNew) {
      const made = await body(api.POST("/api/rules", { body: request }));
      await queries.invalidateQueries();
      await navigate({ to: "/rules/$id", params: { id: made.id }, ignoreBlocker: true });
      talk.tell(`${made.name} watches from now on`, { footer: <Go to="/rules">All rules</Go> });
    } else {
      await api.PUT("/api/rules/{id}", { params: { path: { id: saved.id } }, body: request, headers: ifMatch(etag) });
      await queries.invalidateQueries();
      talk.tell(`${request.name} is saved`);
    }
  };
  const remove = async () => {
    if (!(await talk.ask({ title: `Delete ${saved.name}?`, text: "It raises no more alerts. Those that it raised stay.", action: "Delete the rule", danger: true }))) return;
    await api.DELETE("/api/rules/{id}", { params: { path: { id: saved.id } }, headers: ifMatch(etag) });
    await navigate({ to: "/rules", ignoreBlocker: true });
    await queries.invalidateQueries();
    talk.tell(`${saved.name} was deleted`, { undo: async () => { await api.PUT("/api/rules/{id}", { params: { path: { id: saved.id } }, body: requestOf(saved) }); await queries.invalidateQueries(); } });
  };
  const of = (member: string) => faultOf(fault, member);
  const parts = { rule, set, wrong: of, disabled: !mayWrite };

  return (
    <Page title={isNew ? "New rule" : saved.name} under={<Go to="/rules">All rules</Go>}
      actions={<>{!isNew && <Go to="/alerts" search={{ ruleId: saved.id }}>Its alerts</Go>}{mayWrite && !isNew && <Button onClick={() => void remove().catch(talk.fail)}>Delete…</Button>}{mayWrite && <Button appearance="primary" disabled={(!isDirty && !isNew) || !rule.name.trim() || (isBroken && !rule.absence) || isSaving} onClick={() => save(write)}>{isNew ? "Create" : "Save"}</Button>}</>}>
      <Problem of={fault} />
      <Section>
        <div className="form">
          <div className="fields">
            <Field label="Name" required validationMessage={of("name")}><Input value={rule.name} readOnly={!mayWrite} onChange={(_, data) => set({ name: data.value })} placeholder="A program runs from /tmp" /></Field>
            <Field label="Severity" validationMessage={of("severity")}><Select value={rule.severity} disabled={!mayWrite} onChange={(_, data) => set({ severity: data.value })}>{schema.severities.map((one) => <option key={one} value={one}>{one}</option>)}</Select></Field>
            <Field label="Alerters" hint={(alerters.data?.items.length ?? 1) === 0 ? <>None is set up: alerts stand in the inbox only. <Go to="/alerters">Set one up</Go></> : "Whom its alerts are sent to."} validationMessage={of("alerters")}>
              <Choice label="Alerters" placeholder="None" many={rule.alerters} options={(alerters.data?.items ?? []).map((one) => [one.name, one.name])} onChange={(many) => mayWrite && set({ alerters: many?.split(",") ?? [] })} />
            </Field>
          </div>
          <Field label="Description" validationMessage={of("description")}><Textarea value={rule.description} readOnly={!mayWrite} resize="vertical" onChange={(_, data) => set({ description: data.value })} placeholder="What it means, and what to do about it." /></Field>
          <Switch checked={rule.enabled} disabled={!mayWrite} onChange={(_, data) => set({ enabled: data.checked })} label={rule.enabled ? "On: it raises alerts" : "Off: it raises nothing"} />
        </div>
      </Section>
      <Section>
        <div className="form">
          <TabList selectedValue={rule.absence ? "absence" : "lines"} onTabSelect={(_, data) => mayWrite && set(data.value === "absence" ? { absence: rule.absence ?? { kind: "not_seen", for: "1d" } } : { absence: null, conditions: conditions as never })}>
            <Tab value="lines">Rows that come</Tab><Tab value="absence">What does not come</Tab>
          </TabList>
          <RuleScope {...parts} />
        </div>
      </Section>
      {rule.absence ? <RuleAbsence {...parts} /> : (
        <Section title="Conditions" actions={<TabList size="small" selectedValue={view} onTabSelect={(_, data) => setView(String(data.value))}><Tab value="builder">Builder</Tab><Tab value="both" className="wide-only">Both</Tab><Tab value="json">JSON</Tab></TabList>}>
        <div className={view === "both" ? "grid two" : ""}>
          {view !== "json" && <RuleBuilder schema={schema} shapes={shapes} query={query} onChange={onBuilt} names={names} disabled={!mayWrite} />}
          {view !== "builder" && <div className="stack"><JsonEditor label="Conditions as JSON" value={text} onChange={onText} readOnly={!mayWrite} minHeight="260px" maxHeight="60vh" />{isBroken && <span className="muted">Groups are {'{"condition": "AND" or "OR", "rules": [...]}'}; the builder follows once this is whole.</span>}</div>}
        </div>
        <p className="muted" style={{ margin: 0 }}>At most {schema.mostConditions} conditions, {schema.mostDepth} groups deep. A column's condition is about one column of the line; a missing column matches no condition but a “not”.</p>
      </Section>
      )}
      <RuleAlerts {...parts} alerters={(alerters.data?.items ?? []).map((one) => one.name)} />
      {!rule.absence && <Trial conditions={conditions} scope={{ tags: rule.tags, platforms: rule.platforms }} names={names} given={given} />}
      {!rule.absence && mayWrite && <BackTestView rule={{ ...requestOf(rule), name: rule.name.trim() || "draft" }} />}
      {!isNew && <RuleHistory id={saved.id} current={saved} />}
    </Page>
  );
}

function parsed(text: string): GroupJson | null {
  try {
    const json: unknown = JSON.parse(text);
    return isConditions(json) ? json : null;
  } catch {
    return null;
  }
}

const sample = pretty({ name: "processes", action: "added", hostIdentifier: "laptop-1", columns: { path: "/tmp/x", pid: "4711" } });

/** The rule as it stands in the editor, on a line that is pasted or came lately. */
function Trial({ conditions, scope, names, given }: { conditions: GroupJson; scope: Pick<Rule, "tags" | "platforms">; names: string[]; given: object | null }) {
  const [text, setText] = useState(() => (given ? pretty(given) : ""));
  const recent = useRecentLines(names);
  const line = useMemo(() => {
    try {
      return text.trim() ? lineOf(text) : null;
    } catch (fault) {
      return fault as Error;
    }
  }, [text]);
  const verdict = useQuery({
    queryKey: ["rule-test", conditions, scope, line], enabled: line !== null && !(line instanceof Error), retry: false, staleTime: Infinity, placeholderData: keepPreviousData,
    queryFn: ({ signal }) => body(api.POST("/api/rules/test", { body: { conditions: conditions as never, ...scope, line: line as Schemas["RuleTestLine"] }, signal })),
  });
  return (
    <Section title="Try it" actions={text !== "" && <Button size="small" appearance="subtle" onClick={() => setText("")}>Another line</Button>}>
      {text === "" ? (
        <>
          <p className="muted" style={{ margin: 0 }}>Take a line that came lately{names.length > 0 && <> from <span className="mono">{names.join(", ")}</span></>}, or <button type="button" className="linkish" onClick={() => setText(sample)}>write one</button>.</p>
          {recent.length === 0 ? <Empty title="No line came lately" action={<Button onClick={() => setText(sample)}>Write a line</Button>}>As soon as nodes send results, they are offered here.</Empty> : (
            <ul className="plain pick">{recent.slice(0, 8).map((one, i) => <li key={i}><button type="button" className="linkish mono" onClick={() => setText(pretty({ name: one.name, action: one.action, hostIdentifier: one.hostIdentifier, nodeId: one.nodeId, time: one.time, columns: one.columns, ...(one.decorations ? { decorations: one.decorations } : {}) }))}>{one.name} {one.action} {Object.entries(one.columns).map(([name, value]) => `${name}=${String(value)}`).join("  ")}</button></li>)}</ul>
          )}
        </>
      ) : (
        <div className="grid two">
          <div className="stack">
            <CodeEditor label="Line to try the rule on" value={text} onChange={setText} minHeight="180px" maxHeight="40vh" />
            {line instanceof Error && <span role="alert">This is not a line yet: {line.message}</span>}
          </div>
          <div className="stack" aria-live="polite">
            {verdict.error ? <Problem of={verdict.error} /> : verdict.data && !(line instanceof Error) ? (
              <>
                <div className={verdict.data.matches ? "match" : "nomatch"}><strong>{verdict.data.matches ? verdict.data.dependsOnSeen ? "The line matches if the value is new." : verdict.data.rows > 1 ? `${verdict.data.matchingRows} of ${verdict.data.rows} rows match: each raises an alert, or adds to one.` : "The line matches: an alert would be raised." : verdict.data.inScope ? "The line does not match." : "The rule is not about this node: its tags or platform are others."}</strong></div>
                <ConditionTree of={conditions} verdict={verdict.data} />
              </>
            ) : null}
          </div>
        </div>
      )}
    </Section>
  );
}

function RuleHistory({ id, current }: { id: string; current: Rule }) {
  return <Versions history={use.useQuery("get", "/api/rules/{id}/history", { params: { path: { id }, query: { take: 50 } } })} current={current} />;
}
