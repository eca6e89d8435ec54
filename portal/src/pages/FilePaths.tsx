import { Button, Field, Input, Switch, Textarea } from "@fluentui/react-components";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { faultOf, type Schemas } from "../api";
import { Empty, Go, Loading, Page, Problem, Section } from "../parts/basics";
import { TagEditor } from "../parts/TagEditor";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { History, isNew, ItemMenu, ItemsPage, kinds, Reach, useHeld, useItem, useItemWrites } from "./parts/items";

type FilePaths = Schemas["FilePaths"];

export function FilePathsPage() {
  return (
    <ItemsPage<FilePaths> kind={kinds.filePaths} title="File paths" about="Files that osquery watches for changes: rows in file_events."
      columns={[
        { id: "paths", name: "Paths", width: "minmax(240px, 3fr)", cell: (one) => <span className="mono muted">{one.paths.join("  ")}</span> },
        { id: "exclude", name: "Excluded", width: "100px", cell: (one) => one.excludePaths.length || <span className="muted">none</span> },
        { id: "accesses", name: "Accesses", width: "100px", cell: (one) => (one.accesses ? "watched" : "") },
      ]}
      empty={<Empty title="No files are watched yet">A category names paths, such as /etc/%%, and the tags of the nodes that watch them. The agents need --disable_events=false.</Empty>} />
  );
}

export function FilePathPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  const found = useItem<FilePaths>(kinds.filePaths, name);
  if (isNew(name)) return <Editor item={{ category: "", paths: [], excludePaths: [], accesses: false, tags: [] }} etag={null} isNew />;
  if (found.error && !found.data) return <Page title={name}><Lacking of={found.error} what="file path category" /></Page>;
  if (!found.data) return <Page title={name}><Loading lines={6} /></Page>;
  return <Editor key={name} item={found.data.item} etag={found.data.etag} isNew={false} />;
}

const lines = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);
const bodyOf = ({ category: _, ...rest }: FilePaths) => rest;

function Editor({ item: found, etag: foundEtag, isNew }: { item: FilePaths; etag: string | null; isNew: boolean }) {
  const mayWrite = useMay("operator");
  const writes = useItemWrites(kinds.filePaths);
  const navigate = useNavigate();
  const [category, setCategory] = useState(found.category);
  const [paths, setPaths] = useState(found.paths.join("\n"));
  const [exclude, setExclude] = useState(found.excludePaths.join("\n"));
  const [accesses, setAccesses] = useState(found.accesses);
  const [tags, setTags] = useState(found.tags);
  const wanted = { category: category.trim(), paths: lines(paths), excludePaths: lines(exclude), accesses, tags };
  const { item, etag, isDirty, fault, save } = useHeld(found, foundEtag, (base) => JSON.stringify(wanted) !== JSON.stringify(base), (taken) => {
    setPaths(taken.paths.join("\n"));
    setExclude(taken.excludePaths.join("\n"));
    setAccesses(taken.accesses);
    setTags(taken.tags);
  });
  const wrong = (member: string) => faultOf(fault, member);
  const write = async () => {
    await writes.save(wanted.category, bodyOf(wanted), etag, isNew ? undefined : bodyOf(item));
    if (isNew) await navigate({ to: "/file-paths/$name", params: { name: wanted.category }, ignoreBlocker: true });
  };
  return (
    <Page title={isNew ? "New file path category" : item.category} under={<Go to="/file-paths">All file paths</Go>} actions={mayWrite && <><Button appearance="primary" disabled={!isDirty || !wanted.category} onClick={() => save(write)}>Save</Button>{!isNew && <ItemMenu kind={kinds.filePaths} name={item.category} what={bodyOf(item)} etag={etag} />}</>}>
      <Problem of={fault} />
      <Section>
        <fieldset className="form" disabled={!mayWrite} style={{ border: 0, margin: 0, padding: 0 }}>
          {isNew && <Field label="Category" required validationMessage={wrong("category") ?? wrong("name")} className="narrow"><Input value={category} onChange={(_, data) => setCategory(data.value)} placeholder="etc" /></Field>}
          <div className="grid two">
            <Field label="Paths, one a line" hint="% stands for a name, %% for everything below" validationMessage={wrong("paths")}><Textarea rows={8} value={paths} onChange={(_, data) => setPaths(data.value)} className="mono" placeholder={"/etc/%%\n/home/%/.ssh/%%"} /></Field>
            <Field label="Excluded paths, one a line" validationMessage={wrong("excludePaths")}><Textarea rows={8} value={exclude} onChange={(_, data) => setExclude(data.value)} className="mono" /></Field>
          </div>
          <Switch label="Log accesses too, not only changes" checked={accesses} onChange={(_, data) => setAccesses(data.checked)} />
          <Field label="Tags" hint="Nodes that carry any of them. Without tags, no node." validationMessage={wrong("tags")}><TagEditor name="Tags of the category" tags={tags} onChange={setTags} disabled={!mayWrite} placeholder="No node yet: add a tag" /></Field>
        </fieldset>
      </Section>
      {!isNew && <div className="grid two"><Reach kind={kinds.filePaths} name={item.category} /><History kind={kinds.filePaths} name={item.category} current={item} /></div>}
    </Page>
  );
}
