import { Button, Field, Input } from "@fluentui/react-components";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Fault, faultOf, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section } from "../parts/basics";
import { JsonEditor, pretty } from "../parts/Code";
import { TagEditor } from "../parts/TagEditor";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { ExtensionTables } from "./parts/ExtensionTables";
import { History, isNew, ItemMenu, ItemsPage, kinds, Reach, useHeld, useItem, useItemWrites } from "./parts/items";

type Options = Omit<Schemas["Options"], "config"> & { config: Record<string, unknown> };

export function OptionsPage() {
  return (
    <ItemsPage<Options> kind={kinds.options} title="Options" about="Options, decorators, YARA, views and what else an osquery configuration has, by tag."
      columns={[{ id: "config", name: "Holds", width: "minmax(240px, 3fr)", cell: (one) => <span className="mono muted">{Object.keys(one.config).join("  ")}</span> }]}
      empty={<Empty title="osquery's own defaults apply">A set of options changes them for the nodes that carry its tags.</Empty>}>
      <ExtensionTables />
    </ItemsPage>
  );
}

export function OptionPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  const found = useItem<Options>(kinds.options, name);
  if (isNew(name)) return <Editor item={{ name: "", config: { options: { schedule_splay_percent: 10 } }, tags: [] }} etag={null} isNew />;
  if (found.error && !found.data) return <Page title={name}><Lacking of={found.error} what="set of options" /></Page>;
  if (!found.data) return <Page title={name}><Loading lines={6} /></Page>;
  return <Editor key={name} item={found.data.item} etag={found.data.etag} isNew={false} />;
}

const bodyOf = ({ name: _, ...rest }: Options) => rest;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (fault) {
    throw new Fault(400, { title: "This is not JSON", detail: (fault as Error).message });
  }
}

function Editor({ item: found, etag: foundEtag, isNew }: { item: Options; etag: string | null; isNew: boolean }) {
  const mayWrite = useMay("operator");
  const writes = useItemWrites(kinds.options);
  const navigate = useNavigate();
  const [name, setName] = useState(found.name);
  const [text, setText] = useState(pretty(found.config));
  const [tags, setTags] = useState(found.tags);
  const { item, etag, isDirty, fault, save } = useHeld(found, foundEtag, (base) => (isNew ? name !== "" : text !== pretty(base.config) || JSON.stringify(tags) !== JSON.stringify(base.tags)), (taken) => {
    setText(pretty(taken.config));
    setTags(taken.tags);
  });
  const write = async () => {
    await writes.save(name.trim(), { config: parsed(text), tags }, etag, isNew ? undefined : bodyOf(item));
    if (isNew) await navigate({ to: "/options/$name", params: { name: name.trim() }, ignoreBlocker: true });
  };
  return (
    <Page title={isNew ? "New set of options" : item.name} under={<Go to="/options">All options</Go>} actions={mayWrite && <><Button appearance="primary" disabled={!isDirty || !name.trim()} onClick={() => save(write)}>Save</Button>{!isNew && <ItemMenu kind={kinds.options} name={item.name} what={bodyOf(item)} etag={etag} />}</>}>
      <Problem of={fault} />
      <Section>
        {isNew && <Field label="Name" required className="narrow" validationMessage={faultOf(fault, "name")}><Input value={name} onChange={(_, data) => setName(data.value)} placeholder="default" /></Field>}
        <p className="muted" style={{ margin: 0 }}>Members of an osquery configuration: options, decorators, yara, views, auto_table_construction, events, file_accesses. Sets with later names win where two say the same.</p>
        <JsonEditor label="Configuration" value={text} onChange={setText} readOnly={!mayWrite} minHeight="240px" maxHeight="60vh" />
        <Field label="Tags" hint="Nodes that carry any of them. Without tags, no node."><TagEditor name="Tags of the options" tags={tags} onChange={setTags} disabled={!mayWrite} placeholder="No node yet: add a tag" /></Field>
      </Section>
      {!isNew && <div className="grid two"><Reach kind={kinds.options} name={item.name} /><History kind={kinds.options} name={item.name} current={item} /></div>}
    </Page>
  );
}
