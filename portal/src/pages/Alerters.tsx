import { Button, Field, Input, Select, Spinner, Switch, Textarea } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, ifMatch, use, versioned, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section } from "../parts/basics";
import { FormDialog } from "../parts/FormDialog";
import { counted } from "../parts/format";
import { useTalk } from "../parts/talk";
import { TagEditor } from "../parts/TagEditor";
import { useMay } from "../session";
import { heldStill } from "./parts/items";
import { Came, held, KindFacts, KindFields, type Values } from "./parts/kinds";

type Alerter = Schemas["Alerter"];
type Request = Schemas["AlerterRequest"];

const severities = ["info", "low", "medium", "high", "critical"];

/** Whom alerts are sent to. The forms are made from what the server says of each kind. */
export function AlertersPage() {
  const isAdmin = useMay("admin");
  const kinds = use.useQuery("get", "/api/schema/alerters", {}, { staleTime: Infinity });
  const alerters = use.useQuery("get", "/api/alerters", { params: { query: { take: 200 } } });
  const rules = use.useQuery("get", "/api/rules", { params: { query: { take: 500 } } });
  const [open, setOpen] = useState<string | null>(null);
  const make = <Button appearance="primary" icon={<AddRegular />} onClick={() => setOpen("")}>New alerter</Button>;
  return (
    <Page title="Alerters" under="Where alerts go. A rule names those that it wants." actions={isAdmin && make}>
      <Problem of={alerters.error ?? kinds.error} retry={() => void alerters.refetch()} />
      {!alerters.data || !kinds.data ? <Loading lines={6} /> : alerters.data.items.length === 0 ? (
        <Empty title="Alerts go nowhere yet" action={isAdmin && make}>They stand under “Alerts” all the same. With an alerter they also reach a log or another service, which is tried again while that is down.</Empty>
      ) : (
        <div className="grid">{alerters.data.items.map((one) => <Card key={one.name} alerter={one} kind={kinds.data.types.find((kind) => kind.type === one.type)} rules={(rules.data?.items ?? []).filter((rule) => rule.alerters.includes(one.name) || rule.escalate?.alerters.includes(one.name))} onEdit={() => setOpen(one.name)} />)}</div>
      )}
      {open !== null && kinds.data && <Edit name={open} kinds={kinds.data.types} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function Card({ alerter, kind, rules, onEdit }: { alerter: Alerter; kind: Schemas["AlerterType"] | undefined; rules: Schemas["Rule"][]; onEdit: () => void }) {
  const isAdmin = useMay("admin");
  const talk = useTalk();
  const queries = useQueryClient();
  const test = use.useMutation("post", "/api/alerters/{name}/test");
  const params = { params: { path: { name: alerter.name } } };
  const remove = async () => {
    if (!(await talk.ask({ title: `Delete ${alerter.name}?`, text: "Alerts that still wait for it are given up.", action: "Delete the alerter", danger: true }))) return;
    await api.DELETE("/api/alerters/{name}", params);
    await queries.invalidateQueries();
    talk.tell(`${alerter.name} was deleted`);
  };
  return (
    <Section title={alerter.name} actions={<span className="muted">{kind?.title ?? alerter.type}</span>}>
      <dl className="facts">
        {kind && <KindFacts fields={kind.fields} values={alerter as unknown as Values} hasSecret={alerter.hasSecret} />}
        <dt>Is told of</dt><dd>{toldOf(alerter)}</dd>
        {alerter.digestEvery && <><dt>Digest</dt><dd>one message every {alerter.digestEvery}</dd></>}
        <dt>Used by</dt><dd>{rules.length === 0 ? <span className="muted">no rule</span> : rules.map((rule, i) => <span key={rule.id}>{i > 0 && ", "}<Go to="/rules/$id" params={{ id: rule.id }}>{rule.name}</Go></span>)}</dd>
      </dl>
      {isAdmin && (
        <div className="row">
          <Button size="small" disabled={test.isPending} onClick={() => test.mutate(params)}>{test.isPending ? <Spinner size="extra-tiny" label="Sending…" /> : "Send a test alert"}</Button>
          <Button size="small" onClick={onEdit}>Change</Button>
          <Button size="small" disabled={rules.length > 0} title={rules.length > 0 ? `${counted(rules.length, "rule")} still name it.` : undefined} onClick={() => void remove().catch(talk.fail)}>Delete…</Button>
        </div>
      )}
      {test.error && <Problem of={test.error} />}
      {test.data && <Came test={test.data} />}
    </Section>
  );
}

/** Which alerts it is told of, in words. */
function toldOf(alerter: Alerter): string {
  const whose = alerter.everyRule ? "every rule's alerts" : "alerts of rules that name it";
  const worst = alerter.minimumSeverity === "info" ? "" : alerter.minimumSeverity === "critical" ? ", critical ones only" : `, ${alerter.minimumSeverity} and worse`;
  return whose + worst + (alerter.tags.length > 0 ? `, on nodes tagged ${alerter.tags.join(" or ")}` : "");
}

function Edit({ name: old, kinds, onClose }: { name: string; kinds: Schemas["AlerterType"][]; onClose: () => void }) {
  const found = useQuery({ ...heldStill, queryKey: ["alerter", old], enabled: old !== "", queryFn: ({ signal }) => versioned(api.GET("/api/alerters/{name}", { params: { path: { name: old } }, signal })), gcTime: 0 });
  if (old !== "" && !found.data) return null;
  return <Form kinds={kinds} alerter={found.data?.item ?? null} etag={found.data?.etag ?? null} onClose={onClose} />;
}

function Form({ kinds, alerter, etag, onClose }: { kinds: Schemas["AlerterType"][]; alerter: Alerter | null; etag: string | null; onClose: () => void }) {
  const talk = useTalk();
  const queries = useQueryClient();
  const [name, setName] = useState(alerter?.name ?? "");
  const [type, setType] = useState(alerter?.type ?? kinds[0]!.type);
  const kind = kinds.find((one) => one.type === type)!;
  const [values, setValues] = useState<Values>(() => (alerter as unknown as Values | null) ?? {});
  const [routing, setRouting] = useState<Pick<Request, "minimumSeverity" | "tags" | "everyRule" | "digestEvery" | "titleTemplate" | "textTemplate">>(() => ({
    minimumSeverity: alerter?.minimumSeverity ?? "info", tags: alerter?.tags ?? [], everyRule: alerter?.everyRule ?? false, digestEvery: alerter?.digestEvery ?? "", titleTemplate: alerter?.titleTemplate ?? "", textTemplate: alerter?.textTemplate ?? "",
  }));
  const save = async () => {
    const request: Request = { type, ...held(kind.fields, values), ...routing, digestEvery: kind.canDigest ? routing.digestEvery || null : null, titleTemplate: routing.titleTemplate || null, textTemplate: routing.textTemplate || null };
    await api.PUT("/api/alerters/{name}", { params: { path: { name: name.trim() } }, body: request, headers: ifMatch(etag) });
    await queries.invalidateQueries();
    talk.tell(`${name.trim()} is saved`, { text: "Send it a test alert to see whether it arrives." });
  };
  return (
    <FormDialog title={alerter ? alerter.name : "New alerter"} action="Save" isReady={name.trim() !== ""} onClose={onClose} onDone={save}>
      {(of) => (
        <>
          {!alerter && <Field label="Name" required validationMessage={of("name")}><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} placeholder="on-call" /></Field>}
          <Field label="Kind" hint={kind.description}><Select value={type} onChange={(_, data) => setType(data.value)}>{kinds.map((one) => <option key={one.type} value={one.type}>{one.title}</option>)}</Select></Field>
          <KindFields fields={kind.fields} values={values} onChange={setValues} isSecretSet={alerter?.hasSecret === true && alerter.type === type} wrong={of} />
          <Field label="At least" hint="It is told of alerts that are so bad, or worse." validationMessage={of("minimumSeverity")}><Select value={routing.minimumSeverity ?? "info"} onChange={(_, data) => setRouting({ ...routing, minimumSeverity: data.value })}>{severities.map((one) => <option key={one}>{one}</option>)}</Select></Field>
          <Field label="Nodes with any of these tags" hint="None: of all nodes." validationMessage={of("tags")}><TagEditor name="Tags" tags={routing.tags ?? []} onChange={(tags) => setRouting({ ...routing, tags })} /></Field>
          <Switch checked={routing.everyRule} onChange={(_, data) => setRouting({ ...routing, everyRule: data.checked })} label={routing.everyRule ? "Of every rule" : "Of rules that name it"} />
          {kind.canDigest && <Field label="One message every" hint="Such as 1h. Left empty, each alert is a message." validationMessage={of("digestEvery")}><Input value={routing.digestEvery ?? ""} onChange={(_, data) => setRouting({ ...routing, digestEvery: data.value })} placeholder="1h" /></Field>}
          <details><summary>Words of your own</summary>
            <Field label="Title" hint="$rule, $node, $severity, $event, $query, $count, $link and the row's columns are filled in. Left empty, the usual one." validationMessage={of("titleTemplate")}><Input value={routing.titleTemplate ?? ""} onChange={(_, data) => setRouting({ ...routing, titleTemplate: data.value })} placeholder="[$severity] $rule on $node" /></Field>
            <Field label="Text" validationMessage={of("textTemplate")}><Textarea resize="vertical" value={routing.textTemplate ?? ""} onChange={(_, data) => setRouting({ ...routing, textTemplate: data.value })} placeholder="$message" /></Field>
          </details>
        </>
      )}
    </FormDialog>
  );
}
