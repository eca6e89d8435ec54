import { Button, Field, Input, MessageBar, MessageBarBody, Select, Spinner, Switch } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ifMatch, use, versioned, type Schemas } from "../api";
import { Empty, Loading, Num, Page, Problem, Section, State, When } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { counted, span } from "../parts/format";
import { useTalk } from "../parts/talk";
import { TagEditor } from "../parts/TagEditor";
import { useMay } from "../session";
import { heldStill } from "./parts/items";
import { Came, held, KindFacts, KindFields, type Values } from "./parts/kinds";

type Sink = Schemas["Sink"];
type Request = Schemas["SinkRequest"];
type Filter = Required<Pick<Request, "enabled" | "results" | "statusLogs" | "queries" | "tags" | "minimumSeverity" | "format">>;

const severities = ["info", "warning", "error", "fatal"];

/** Where lines go besides the tables. */
export function SinksPage() {
  const isAdmin = useMay("admin");
  const kinds = use.useQuery("get", "/api/schema/sinks", {}, { staleTime: Infinity });
  const sinks = use.useQuery("get", "/api/sinks", { params: { query: { take: 200 } } });
  const [open, setOpen] = useState<string | null>(null);
  const make = <Button appearance="primary" icon={<AddRegular />} onClick={() => setOpen("")}>New sink</Button>;
  return (
    <Page title="Sinks" under="Where results and status logs go besides Fleet's own store." actions={isAdmin && make}>
      <Problem of={sinks.error ?? kinds.error} retry={() => void sinks.refetch()} />
      {!sinks.data || !kinds.data ? <Loading lines={6} /> : sinks.data.items.length === 0 ? (
        <Empty title="Lines stay here" action={isAdmin && make}>They can also go to a file, a blob, Splunk, Elasticsearch, Microsoft Sentinel or another service. A sink that is down keeps nobody waiting: what it misses is sent when it is back.</Empty>
      ) : (
        <div className="grid">{sinks.data.items.map((sink) => <Card key={sink.name} sink={sink} kind={kinds.data.types.find((kind) => kind.type === sink.type)} onEdit={() => setOpen(sink.name)} />)}</div>
      )}
      {open !== null && kinds.data && <Edit name={open} kinds={kinds.data.types} onClose={() => setOpen(null)} />}
    </Page>
  );
}

/** What it takes, in words. */
function taken(sink: Sink): string {
  const what = [sink.results ? (sink.queries.length > 0 ? `results of ${sink.queries.join(", ")}` : "all results") : "", sink.statusLogs ? `status logs${sink.minimumSeverity > 0 ? ` from ${severities[sink.minimumSeverity]} on` : ""}` : ""].filter(Boolean).join("; ");
  return what + (sink.tags.length > 0 ? `, of nodes tagged ${sink.tags.join(" or ")}` : "");
}

function Card({ sink, kind, onEdit }: { sink: Sink; kind: Schemas["SinkType"] | undefined; onEdit: () => void }) {
  const isAdmin = useMay("admin");
  const isOperator = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const params = { params: { path: { name: sink.name } } };
  const status = use.useQuery("get", "/api/sinks/{name}/status", params, { refetchInterval: 10_000 }).data;
  const test = use.useMutation("post", "/api/sinks/{name}/test");
  const remove = async () => {
    if (!(await talk.ask({ title: `Delete ${sink.name}?`, text: status?.waiting ? `${counted(status.waiting, "batch", "batches")} that still wait for it are not sent.` : "Nothing waits for it.", action: "Delete the sink", danger: true }))) return;
    await api.DELETE("/api/sinks/{name}", params);
    await queries.invalidateQueries();
    talk.tell(`${sink.name} was deleted`);
  };
  const retry = async () => {
    await api.POST("/api/sinks/{name}/retry", params);
    await queries.invalidateQueries();
    talk.tell("It is on the way again");
  };
  return (
    <Section title={sink.name} actions={<>{!sink.enabled ? <State of="off" /> : status && <State of={status.failures > 0 ? "retrying" : status.refusedCount > 0 ? "refusing" : "on"} />}<span className="muted">{kind?.title ?? sink.type}</span></>}>
      <dl className="facts">
        {kind && <KindFacts fields={kind.fields} values={sink as unknown as Values} hasSecret={sink.hasSecret} />}
        <dt>Takes</dt><dd>{taken(sink)}</dd>
        <dt>Format</dt><dd>{sink.format === "ecs" ? "Elastic Common Schema" : "osquery's events"}</dd>
        {status && (
          <>
            <dt>Waiting</dt><dd>{status.waiting === 0 ? "nothing" : <>{counted(status.waiting, "batch", "batches")}{status.waiting >= 1000 ? " or more" : ""}, the first for {span(status.lagSeconds)}</>}</dd>
            <dt>Sent</dt><dd><Num of={status.sent} /> lines{status.sentAt && <span className="muted">, last <When at={status.sentAt} /></span>}</dd>
            {status.dropped > 0 && <><dt>Held back</dt><dd><Num of={status.dropped} /> lines by the filter</dd></>}
          </>
        )}
      </dl>
      {status?.error && status.failures > 0 && <MessageBar intent="warning" layout="multiline"><MessageBarBody>{status.error}{status.nextAt && <> It is tried again <When at={status.nextAt} />.</>} {isOperator && <Button size="small" onClick={() => void retry().catch(talk.fail)}>Try now</Button>}</MessageBarBody></MessageBar>}
      {status && status.refusedCount > 0 && (
        <MessageBar intent="error" layout="multiline"><MessageBarBody>Lines of {counted(status.refusedCount, "batch", "batches")} were refused for what is in them: {status.refused[0]!.reason} {isOperator && <Button size="small" onClick={() => void retry().catch(talk.fail)}>Send again</Button>}</MessageBarBody></MessageBar>
      )}
      {isAdmin && (
        <div className="row">
          <Button size="small" disabled={test.isPending} onClick={() => test.mutate(params)}>{test.isPending ? <Spinner size="extra-tiny" label="Sending…" /> : "Send a test line"}</Button>
          <Button size="small" onClick={onEdit}>Change</Button>
          <Button size="small" onClick={() => void remove().catch(talk.fail)}>Delete…</Button>
        </div>
      )}
      {test.error && <Problem of={test.error} />}
      {test.data && <Came test={test.data} />}
    </Section>
  );
}

function Edit({ name: old, kinds, onClose }: { name: string; kinds: Schemas["SinkType"][]; onClose: () => void }) {
  const found = useQuery({ ...heldStill, queryKey: ["sink", old], enabled: old !== "", queryFn: ({ signal }) => versioned(api.GET("/api/sinks/{name}", { params: { path: { name: old } }, signal })), gcTime: 0 });
  if (old !== "" && !found.data) return null;
  return <Form kinds={kinds} sink={found.data?.item ?? null} etag={found.data?.etag ?? null} onClose={onClose} />;
}

function Form({ kinds, sink, etag, onClose }: { kinds: Schemas["SinkType"][]; sink: Sink | null; etag: string | null; onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const [name, setName] = useState(sink?.name ?? "");
  const [type, setType] = useState(sink?.type ?? kinds[0]!.type);
  const kind = kinds.find((one) => one.type === type)!;
  const [values, setValues] = useState<Values>(() => (sink as unknown as Values | null) ?? {});
  const [filter, setFilter] = useState<Filter>(() => ({ enabled: sink?.enabled ?? true, results: sink?.results ?? true, statusLogs: sink?.statusLogs ?? false, queries: sink?.queries ?? [], tags: sink?.tags ?? [], minimumSeverity: sink?.minimumSeverity ?? 0, format: sink?.format ?? "event" }));
  const set = (change: Partial<Filter>) => setFilter((before) => ({ ...before, ...change }));
  const save = async () => {
    await api.PUT("/api/sinks/{name}", { params: { path: { name: name.trim() } }, body: { type, ...held(kind.fields, values), ...filter, queries: (filter.queries ?? []).filter((one) => one.trim() !== "") }, headers: ifMatch(etag) });
    await queries.invalidateQueries();
    talk.tell(`${name.trim()} is saved`, { text: "Send it a test line to see whether it arrives." });
  };
  return (
    <FormDialog title={sink ? sink.name : "New sink"} action="Save" isReady={name.trim() !== ""} onClose={onClose} onDone={save}>
      {(of) => (
        <>
          {!sink && <Field label="Name" required validationMessage={of("name")}><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} placeholder="siem" /></Field>}
          <Field label="Kind" hint={kind.description}><Select value={type} onChange={(_, data) => setType(data.value)}>{kinds.map((one) => <option key={one.type} value={one.type}>{one.title}</option>)}</Select></Field>
          <KindFields fields={kind.fields} values={values} onChange={setValues} isSecretSet={sink?.hasSecret === true && sink.type === type} wrong={of} />
          <Switch checked={filter.enabled} onChange={(_, data) => set({ enabled: data.checked })} label={filter.enabled ? "On" : "Off: what comes meanwhile is not sent later"} />
          <Switch checked={filter.results} onChange={(_, data) => set({ results: data.checked })} label="Results" />
          {filter.results && <Field label="Of these queries" hint="One on a line; * stands for anything. None: all." validationMessage={of("queries")}><textarea className="native mono" rows={3} value={(filter.queries ?? []).join("\n")} onChange={(event) => set({ queries: event.target.value === "" ? [] : event.target.value.split("\n") })} placeholder="pack/incident-response/*" /></Field>}
          <Switch checked={filter.statusLogs} onChange={(_, data) => set({ statusLogs: data.checked })} label="osquery's own status logs" />
          {filter.statusLogs && <Field label="From" validationMessage={of("minimumSeverity")}><Select value={String(filter.minimumSeverity)} onChange={(_, data) => set({ minimumSeverity: Number(data.value) })}>{severities.map((one, i) => <option key={one} value={i}>{one}</option>)}</Select></Field>}
          <Field label="Nodes with any of these tags" hint="None: of all nodes." validationMessage={of("tags")}><TagEditor name="Tags" tags={filter.tags ?? []} onChange={(tags) => set({ tags })} /></Field>
          <Field label="Format" validationMessage={of("format")}><Select value={filter.format ?? "event"} onChange={(_, data) => set({ format: data.value })}><option value="event">osquery's events</option><option value="ecs">Elastic Common Schema</option></Select></Field>
        </>
      )}
    </FormDialog>
  );
}
