import { Badge, Button, Checkbox, Field, Input, MessageBar, MessageBarBody, Radio, RadioGroup, Textarea } from "@fluentui/react-components";
import { FlashRegular } from "@fluentui/react-icons";
import { useQuery, keepPreviousData } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { api, body, type Schemas } from "../api";
import { Num, Page, Problem, Section } from "../parts/basics";
import { counted, platformName } from "../parts/format";
import { SqlEditor } from "../parts/Sql";
import { TagEditor } from "../parts/TagEditor";
import { useTalk } from "../parts/talk";
import { useAddress } from "../search";
import { useMay } from "../session";
import { Empty } from "../parts/basics";
import { NodePicker } from "./parts/NodePicker";
import { noTime, type When, WhenSection } from "./parts/WhenSection";

/** Asks machines a question: what, whom, and how many that would be. All of it is in the address. */
export function LivePage() {
  const isOperator = useMay("operator");
  if (!isOperator) return <Page title="Live query"><Empty title="Not for your role">Asking machines needs the role operator. You can read what others asked under Campaigns.</Empty></Page>;
  return <Ask />;
}

function Ask() {
  const at = useAddress();
  const talk = useTalk();
  const navigate = useNavigate();
  const [sql, setSql] = useState(at.one("sql"));
  const [description, setDescription] = useState("");
  const [reason, setReason] = useState("");
  const [when, setWhen] = useState<When>(noTime);
  const [fault, setFault] = useState<unknown>(null);
  const [isStarting, setStarting] = useState(false);
  const tags = at.many("tags").filter(Boolean);
  const nodes = at.many("nodes").filter(Boolean);
  const platforms = at.many("platforms").filter(Boolean);
  const whom = at.one("whom") || (nodes.length > 0 ? "nodes" : tags.length > 0 ? "tags" : "all");
  const [sample, setSample] = useState(at.one("sample"));
  const targets = useMemo<Schemas["Targets"]>(() => ({
    all: whom === "all", nodes: whom === "nodes" ? nodes : null, tags: whom === "tags" ? tags : null, match: whom === "tags" && at.one("match") === "all" ? "all" : null,
    platforms: whom !== "nodes" && platforms.length > 0 ? platforms : null, sample: sample ? Number(sample) : null,
  }), [at, whom, sample]);
  const hasTargets = whom === "all" || (whom === "tags" ? tags.length > 0 : nodes.length > 0);

  // The address keeps what was typed, once the typing stops: a reload or a link brings it back.
  useEffect(() => {
    const timer = setTimeout(() => (sql !== at.one("sql") || sample !== at.one("sample")) && at.set({ sql: sql || undefined, sample: sample || undefined }), 500);
    return () => clearTimeout(timer);
  }, [sql, sample, at]);

  const [settled, setSettled] = useState(sql);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(sql), 400);
    return () => clearTimeout(timer);
  }, [sql]);
  const preview = useQuery({
    queryKey: ["preview", settled, targets], enabled: hasTargets, placeholderData: keepPreviousData, refetchInterval: 10_000, retry: false,
    queryFn: ({ signal }) => body(api.POST("/api/campaigns/preview", { body: { sql: settled.trim() || "select 1", targets }, signal })),
  });
  const cautions = hasTargets ? preview.data?.cautions ?? [] : [];
  const needsReason = cautions.length > 0;
  const canRun = sql.trim() !== "" && hasTargets && (!when.repeats || (when.name.trim() !== "" && when.cron.trim() !== "")) && !isStarting && (!needsReason || reason.trim() !== "");

  const run = async () => {
    if (!canRun) return;
    setFault(null);
    setStarting(true);
    try {
      const asked = { sql: sql.trim(), targets, reason: reason || null, includeLater: when.includeLater };
      if (when.repeats) {
        await body(api.POST("/api/campaign-schedules", { body: { ...asked, name: when.name.trim(), cron: when.cron.trim(), timeZone: when.timeZone.trim() || null, expiresAfter: when.expiresAfter.trim() || null, enabled: true } }));
        await navigate({ to: "/campaigns", search: { tab: "schedules" } });
        talk.tell("The schedule was saved");
        return;
      }
      const campaign = await body(api.POST("/api/campaigns", { body: { ...asked, description: description || null, ...(when.notBefore ? { notBefore: new Date(when.notBefore).toISOString() } : {}), ...(when.expires ? { expiresAt: new Date(when.expires).toISOString() } : {}) } }));
      await navigate({ to: "/campaigns/$id", params: { id: campaign.id } });
      talk.tell(`${counted(campaign.targeted, "node is", "nodes are")} asked`);
    } catch (refused) {
      setFault(refused);
      setStarting(false);
    }
  };

  return (
    <Page title="Live query" under={when.repeats ? "Asked at set times, again and again. Each run is answered as machines check in." : "Asked once, answered as machines check in. Those that are offline answer when they come back, within a day."} actions={<Button appearance="primary" icon={<FlashRegular />} disabled={!canRun} onClick={() => void run()}>{isStarting ? "Starting…" : when.repeats ? "Save schedule" : "Run"}</Button>}>
      <Problem of={fault} />
      <Section title="What"><SqlEditor value={sql} onChange={setSql} onRun={() => void run()} /></Section>
      <div className="grid two">
        <Section title="Whom">
          <RadioGroup layout="horizontal" aria-label="Whom to ask" value={whom} onChange={(_, data) => at.set({ whom: data.value })}>
            <Radio value="all" label="All nodes" /><Radio value="tags" label="By tag" /><Radio value="nodes" label="Single nodes" />
          </RadioGroup>
          {whom === "tags" && (
            <>
              <Field label="Tags"><TagEditor name="Tags of the nodes to ask" tags={tags} onChange={(next) => at.set({ tags: next.join(",") || undefined })} placeholder="Choose tags" /></Field>
              {tags.length > 1 && <RadioGroup layout="horizontal" aria-label="How tags count" value={at.one("match") || "any"} onChange={(_, data) => at.set({ match: data.value })}><Radio value="any" label="any of them" /><Radio value="all" label="all of them" /></RadioGroup>}
            </>
          )}
          {whom === "nodes" && <NodePicker nodes={nodes} onChange={(next) => at.set({ nodes: next.join(",") || undefined, whom: "nodes" })} />}
          {whom !== "nodes" && (
            <div className="row">{["linux", "darwin", "windows", "freebsd"].map((one) => (
              <Checkbox key={one} label={platformName(one)} checked={platforms.includes(one)} onChange={(_, data) => at.set({ platforms: (data.checked ? [...platforms, one] : platforms.filter((other) => other !== one)).join(",") || undefined })} />
            ))}<span className="muted">{platforms.length === 0 ? "no choice: all platforms" : ""}</span></div>
          )}
          <Field label="Sample, percent of them" className="narrow"><Input type="number" min={1} max={100} placeholder="100" value={sample} onChange={(_, data) => setSample(data.value)} /></Field>
        </Section>
        <Section title="How many">
          {!hasTargets ? <p className="muted">Choose whom to ask.</p> : preview.data ? (
            <div className="row" aria-live="polite"><strong style={{ fontSize: 28 }}><Num of={preview.data.targeted} /></strong><span>{preview.data.targeted === 1 ? "node" : "nodes"}</span><Badge appearance="tint" color="success">{counted(preview.data.online, "online", "online")}</Badge><Badge appearance="tint" color="subtle">{counted(preview.data.offline, "offline", "offline")}</Badge></div>
          ) : <Problem of={preview.error} />}
          {cautions.map((one) => <MessageBar key={one.message} intent="warning" layout="multiline"><MessageBarBody>{one.message}</MessageBarBody></MessageBar>)}
          {(needsReason || reason) && <Field label="Reason" required={needsReason} hint="It goes to the audit log, and to whoever may see what was asked."><Textarea value={reason} onChange={(_, data) => setReason(data.value)} placeholder="Ticket 1234: …" /></Field>}
          {!when.repeats && <Field label="Description"><Input value={description} onChange={(_, data) => setDescription(data.value)} placeholder="What you want to know" /></Field>}
        </Section>
        <WhenSection when={when} onChange={(change) => setWhen((before) => ({ ...before, ...change }))} />
      </div>
    </Page>
  );
}
