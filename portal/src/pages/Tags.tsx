import { Button, SearchBox } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, body, use, type Schemas } from "../api";
import { Empty, Go, Loading, Num, Page, Section } from "../parts/basics";
import { type Column, DataTable } from "../parts/DataTable";
import { counted } from "../parts/format";
import { usePages } from "../parts/rows";
import { useTalk } from "../parts/talk";
import { useMay } from "../session";
import { Lacking } from "../shell/Nothing";
import { NameDialog } from "./parts/items";

type Tag = Schemas["Tag"];

const columns: Column<Tag>[] = [
  { id: "name", name: "Tag", narrow: true, width: "minmax(200px, 2fr)", cell: (tag) => <Go to="/tags/$name" params={{ name: tag.name }}>{tag.name}</Go> },
  { id: "nodes", name: "Nodes", narrow: true, width: "100px", cell: (tag) => <Go to="/nodes" search={{ tag: tag.name }}><Num of={tag.nodes} /></Go> },
  { id: "queries", name: "Queries", width: "100px", cell: (tag) => <Num of={tag.queries} /> },
  { id: "packs", name: "Packs", width: "100px", cell: (tag) => <Num of={tag.packs} /> },
  { id: "paths", name: "File paths", width: "100px", cell: (tag) => <Num of={tag.filePaths} /> },
  { id: "options", name: "Options", width: "100px", cell: (tag) => <Num of={tag.options} /> },
  { id: "secrets", name: "Enroll secrets", width: "120px", cell: (tag) => <Num of={tag.enrollSecrets} /> },
];

export function TagsPage() {
  const [text, setText] = useState("");
  const rows = usePages<Tag>(["tags", text], (page, take, signal) => body(api.GET("/api/tags", { params: { query: { q: text || undefined, page, take } }, signal })));
  return (
    <Page title="Tags" under="Nodes get what carries one of their tags. A tag is made by giving it to something.">
      <DataTable name="Tags" id="tags" columns={columns} rows={rows} rowKey={(tag) => tag.name} noun={["tag", "tags"]} tools={<SearchBox placeholder="Find a tag" aria-label="Find a tag" value={text} onChange={(_, data) => setText(data.value)} />}
        empty={text ? <Empty title="No tag is called that" /> : <Empty title="There are no tags yet" action={<Go to="/nodes">To the nodes</Go>}>Give one to a node, a query or a pack, and it appears here.</Empty>} />
    </Page>
  );
}

export function TagPage() {
  const { name } = useParams({ strict: false }) as { name: string };
  const mayWrite = useMay("operator");
  const talk = useTalk();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [isRenaming, setRenaming] = useState(false);
  const tag = use.useQuery("get", "/api/tags/{name}", { params: { path: { name } } });
  const remove = async () => {
    const dry = await body(api.DELETE("/api/tags/{name}", { params: { path: { name }, query: { dryRun: true } } }));
    if (!(await talk.ask({ title: `Delete the tag ${name}?`, text: `It is taken from ${counted(dry.nodes, "node")} and ${counted(dry.items, "other item")}. What has no other tag goes to no node from then on.`, action: "Delete the tag", danger: true }))) return;
    await api.DELETE("/api/tags/{name}", { params: { path: { name } } });
    await navigate({ to: "/tags" });
    await queries.invalidateQueries();
    talk.tell(`The tag ${name} is gone`);
  };
  const rename = async (to: string) => {
    const done = await body(api.POST("/api/tags/{name}/rename", { params: { path: { name } }, body: { name: to } }));
    await navigate({ to: "/tags/$name", params: { name: to } });
    await queries.invalidateQueries();
    talk.tell(`${name} is called ${to} now`, { text: `${counted(done.nodes, "node")} and ${counted(done.items, "item")} carry it.` });
  };
  if (tag.error && !tag.data) return <Page title={name}><Lacking of={tag.error} what="tag" /></Page>;
  const lists = tag.data && ([["Queries", "/queries/$name", tag.data.queries], ["Packs", "/packs/$name", tag.data.packs], ["File paths", "/file-paths/$name", tag.data.filePaths], ["Options", "/options/$name", tag.data.options]] as const);
  return (
    <Page title={name} under={<Go to="/tags">All tags</Go>} actions={mayWrite && <><Button onClick={() => setRenaming(true)}>Rename</Button><Button onClick={() => void remove().catch(talk.fail)}>Delete…</Button></>}>
      {!tag.data || !lists ? <Loading lines={6} /> : (
        <div className="grid">
          <Section title={<>Nodes <span className="muted">{tag.data.nodeCount}</span></>} actions={<Go to="/nodes" search={{ tag: name }}>Show as a list</Go>}>
            {tag.data.nodes.length === 0 ? <span className="muted">No node carries it.</span> : <ul className="plain">{tag.data.nodes.slice(0, 50).map((node) => <li key={node.id}><Go to="/nodes/$id" params={{ id: node.id }}>{node.displayName}</Go></li>)}{tag.data.nodeCount > 50 && <li className="muted">and {counted(tag.data.nodeCount - 50, "more", "more")}</li>}</ul>}
          </Section>
          {lists.map(([title, to, names]) => (
            <Section key={title} title={<>{title} <span className="muted">{names.length}</span></>}>
              {names.length === 0 ? <span className="muted">None carries it.</span> : <ul className="plain">{names.map((one) => <li key={one}><Go to={to} params={{ name: one }}>{one}</Go></li>)}</ul>}
            </Section>
          ))}
          {tag.data.enrollSecrets.length > 0 && <Section title="Enroll secrets"><ul className="plain">{tag.data.enrollSecrets.map((one) => <li key={one}><Go to="/enrollment">{one}</Go></li>)}</ul></Section>}
        </div>
      )}
      {isRenaming && <NameDialog title={`Rename ${name}`} action="Rename" initial={name} onClose={() => setRenaming(false)} onDone={rename} />}
    </Page>
  );
}
