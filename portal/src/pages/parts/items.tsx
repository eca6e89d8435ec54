import { Button, Field, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, SearchBox, Tooltip } from "@fluentui/react-components";
import { AddRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBlocker, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";
import { api, body, ifMatch, versioned, type Schemas } from "../../api";
import { Go, Loading, Num, Page, Problem, Section, Tags, When } from "../../parts/basics";
import { Diff, pretty } from "../../parts/Code";
import { type Column, DataTable } from "../../parts/DataTable";
import { FormDialog } from "../../parts/FormDialog";
import { counted } from "../../parts/format";
import { usePages } from "../../parts/rows";
import { useRunning } from "../../parts/running";
import { useTalk } from "../../parts/talk";
import { useAddress, useSearchText } from "../../search";
import { useMay } from "../../session";

/** What the configuration is made of. The API treats all four alike; where it does, one of its paths stands for all. */
export interface Kind {
  path: "queries" | "packs" | "file-paths" | "options";
  /** In the portal. */
  list: "/queries" | "/packs" | "/file-paths" | "/options";
  page: "/queries/$name" | "/packs/$name" | "/file-paths/$name" | "/options/$name";
  one: string;
  many: string;
  nameOf: (item: Record<string, unknown>) => string;
}

const named = (item: Record<string, unknown>) => String(item.name);
export const kinds = {
  queries: { path: "queries", list: "/queries", page: "/queries/$name", one: "query", many: "queries", nameOf: named },
  packs: { path: "packs", list: "/packs", page: "/packs/$name", one: "pack", many: "packs", nameOf: named },
  filePaths: { path: "file-paths", list: "/file-paths", page: "/file-paths/$name", one: "file path category", many: "file path categories", nameOf: (item) => String(item.category) },
  options: { path: "options", list: "/options", page: "/options/$name", one: "set of options", many: "sets of options", nameOf: named },
} satisfies Record<string, Kind>;

const item = (kind: Kind) => `/api/${kind.path}/{name}` as "/api/options/{name}";
const under = <T extends string>(kind: Kind, rest: T) => `/api/${kind.path}/{name}/${rest}` as `/api/options/{name}/${T}`;

/** The name that stands for one that is not there yet. */
export const isNew = (name: string) => name === "+new";

type Body = Record<string, unknown>;

/** What is being edited does not change under one's hands: it is read when the page opens and after it was saved, and a save that would undo somebody else's is refused. */
export const heldStill = { staleTime: Infinity, refetchOnMount: "always", refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

/** An item and its version. */
export function useItem<T extends Body>(kind: Kind, name: string) {
  return useQuery({ ...heldStill, queryKey: ["item", kind.path, name], enabled: !isNew(name), queryFn: async ({ signal }) => (await versioned(api.GET(item(kind), { params: { path: { name } }, signal }))) as unknown as { item: T; etag: string | null } });
}

/** What an editor began with, and how it is saved. What others saved is taken over where nothing was typed, and after one's own save; else a save is refused, and `fault` says so. One is asked before what was typed is lost. */
export function useHeld<T>(item: T, etag: string | null, isDirtyFrom: (base: T) => boolean, adopt: (item: T) => void) {
  const [base, setBase] = useState({ item, etag });
  const [fault, setFault] = useState<unknown>(null);
  const [isSaving, run] = useRunning();
  const hasSaved = useRef(false);
  const isDirty = isDirtyFrom(base.item);
  useUnsaved(isDirty && !isSaving);
  useEffect(() => {
    if (etag === base.etag || (isDirty && !hasSaved.current)) return;
    hasSaved.current = false;
    setBase({ item, etag });
    adopt(item);
  }, [etag, isDirty]);
  const save = (work: () => Promise<unknown>) => run(async () => {
    setFault(null);
    hasSaved.current = true;
    try {
      await work();
    } catch (refused) {
      hasSaved.current = false;
      setFault(refused);
    }
  });
  return { ...base, isDirty, isSaving, fault, save };
}

/** Writing items: nothing is overwritten that was not seen. */
/** What the server has to say of what it saved, in a few lines. */
export function notesOf(saved: unknown) {
  const notes = (saved as { notes?: Schemas["FieldError"][] } | undefined)?.notes ?? [];
  return notes.slice(0, 3).map((note) => `${note.path}: ${note.message}`).join(" ") + (notes.length > 3 ? ` And ${notes.length - 3} more.` : "");
}

export function useItemWrites(kind: Kind) {
  const talk = useTalk();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const put = async (name: string, what: Body, etag: string | null) => {
    const saved = await body(api.PUT(item(kind), { params: { path: { name } }, body: what as never, headers: ifMatch(etag) }));
    await queries.invalidateQueries();
    return notesOf(saved);
  };
  return {
    put,
    save: async (name: string, what: Body, etag: string | null, before?: Body) => {
      const notes = await put(name, what, etag);
      talk.tell(`${name} is saved`, { ...(notes ? { intent: "warning", text: notes } : {}), ...(before ? { undo: async () => { const now = await versioned(api.GET(item(kind), { params: { path: { name } } })); await put(name, before, now.etag); } } : {}) });
    },
    copy: async (name: string, to: string) => {
      await api.POST(under(kind, "copy"), { params: { path: { name } }, body: { name: to } });
      await queries.invalidateQueries();
      talk.tell(`${to} was made`);
      await navigate({ to: kind.page, params: { name: to } });
    },
    remove: async (name: string, what: Body, etag: string | null) => {
      const used = await body(api.GET(under(kind, "used-by"), { params: { path: { name } } }));
      const reach = used.tags.length === 0 ? "It has no tags, so no node uses it." : `By its tags it goes to ${counted(used.nodes, "node")}.`;
      const rules = used.rules.length > 0 ? ` ${counted(used.rules.length, "rule")} that name its results will match nothing: ${used.rules.map((rule) => rule.name).join(", ")}.` : "";
      if (!(await talk.ask({ title: `Delete ${name}?`, text: `${reach}${used.nodes > 0 ? " They stop using it with their next configuration." : ""}${rules} What it brought stays.`, action: `Delete the ${kind.one}`, danger: true }))) return;
      await api.DELETE(item(kind), { params: { path: { name } }, headers: ifMatch(etag) });
      await navigate({ to: kind.list });
      await queries.invalidateQueries();
      talk.tell(`${name} was deleted`, { undo: () => put(name, what, null) });
    },
  };
}

/** A list of items with their tags; what else is told of each is the kind's. */
export function ItemsPage<T extends Body & { tags?: unknown }>({ kind, title, about, columns, actions, empty, children }: { kind: Kind; title: string; about: string; columns: Column<T>[]; actions?: ReactNode; empty: ReactNode; children?: ReactNode }) {
  const at = useAddress();
  const isOperator = useMay("operator");
  const navigate = useNavigate();
  const [text, setText] = useSearchText();
  const q = at.one("q") || undefined;
  const tag = at.one("tag") || undefined;
  const rows = usePages<T>([kind.path, q, tag], async (page, take, signal) => (await body(api.GET(`/api/${kind.path}` as "/api/options", { params: { query: { q, tag, page, take } }, signal }))) as never);
  const all: Column<T>[] = [
    { id: "name", name: "Name", narrow: true, width: "minmax(200px, 2fr)", cell: (row) => <Go to={kind.page} params={{ name: kind.nameOf(row) }}>{kind.nameOf(row)}</Go> },
    ...columns,
    { id: "tags", name: "Tags", width: "minmax(150px, 1.5fr)", narrow: true, cell: (row) => ((row.tags as string[]).length === 0 ? <span className="muted">none: no node gets it</span> : <Tags of={row.tags as string[]} />) },
    { id: "used", name: "Used by", width: "130px", cell: (row) => <UsedBy kind={kind} name={kind.nameOf(row)} /> },
  ];
  return (
    <Page title={title} under={about} actions={isOperator && <>{actions}<Button appearance="primary" icon={<AddRegular />} onClick={() => void navigate({ to: kind.page, params: { name: "+new" } })}>New {kind.one}</Button></>}>
      {children}
      <DataTable name={title} id={kind.path} columns={all} rows={rows} rowKey={(row) => kind.nameOf(row)} noun={[kind.one, kind.many]}
        tools={<><SearchBox placeholder={`Find a ${kind.one}`} aria-label={`Find a ${kind.one}`} value={text} onChange={(_, data) => setText(data.value)} />{tag && <Button size="small" appearance="subtle" onClick={() => at.set({ tag: undefined })}>Tag {tag} ×</Button>}</>}
        empty={q || tag ? <div className="empty">Nothing is called that.</div> : empty} />
    </Page>
  );
}

function useUse(kind: Kind, name: string) {
  return useQuery({ queryKey: ["used-by", kind.path, name], staleTime: 20_000, enabled: !isNew(name), queryFn: ({ signal }) => body(api.GET(under(kind, "used-by"), { params: { path: { name } }, signal })) });
}

function UsedBy({ kind, name }: { kind: Kind; name: string }) {
  const used = useUse(kind, name).data;
  if (!used) return null;
  return <span>{counted(used.nodes, "node")}{used.rules.length > 0 && `, ${counted(used.rules.length, "rule")}`}</span>;
}

/** Whom a change reaches. */
export function Reach({ kind, name }: { kind: Kind; name: string }) {
  const used = useUse(kind, name);
  return (
    <Section title="Used by">
      {!used.data ? <Loading lines={2} /> : (
        <>
          <div><Num of={used.data.nodes} /> {used.data.nodes === 1 ? "node" : "nodes"}, {used.data.tags.length === 0 ? "as it has no tags: add one that nodes carry" : <>by <Tags of={used.data.tags} most={20} /></>}</div>
          {used.data.rules.length > 0 && <div>Rules that name its results: <ul className="plain">{used.data.rules.map((rule) => <li key={rule.id}><Go to="/rules/$id" params={{ id: rule.id }}>{rule.name}</Go></li>)}</ul></div>}
        </>
      )}
    </Section>
  );
}

/** Who changed it when, what was different, and a way back. */
export function History({ kind, name, current }: { kind: Kind; name: string; current: unknown }) {
  const isOperator = useMay("operator");
  const talk = useTalk();
  const queries = useQueryClient();
  const history = useQuery({ queryKey: ["history", kind.path, name], queryFn: ({ signal }) => body(api.GET(under(kind, "history"), { params: { path: { name }, query: { take: 50 } }, signal })) });
  const restore = async (version: Schemas["Version"]) => {
    const now = await versioned(api.GET(item(kind), { params: { path: { name } } }));
    await api.POST(under(kind, "history/{version}/restore") as "/api/options/{name}/history/{version}/restore", { params: { path: { name, version: version.id } }, headers: ifMatch(now.etag) });
    await queries.invalidateQueries();
    talk.tell(`${name} is as it was`);
  };
  return <Versions history={history} current={current} {...(isOperator ? { onRestore: (version: Schemas["Version"]) => void restore(version).catch(talk.fail) } : {})} />;
}

/** What something was at each change, held against what it is now. */
export function Versions({ history, current, onRestore }: { history: { data: Schemas["VersionList"] | undefined; error: unknown }; current: unknown; onRestore?: (version: Schemas["Version"]) => void }) {
  const [open, setOpen] = useState<string | null>(null);
  return (
    <Section title="History">
      <Problem of={history.error} />
      {!history.data ? <Loading lines={3} /> : (
        <ul className="plain">
          {history.data.items.length === 0 && <li className="muted">It is as it was made.</li>}
          {history.data.items.map((version) => (
            <li key={version.id}>
              <div className="row">
                <span className="grow"><strong>{version.action}</strong> by {version.by || "the server"} <span className="muted"><When at={version.at} /></span></span>
                {version.item && <Button size="small" appearance="subtle" aria-expanded={open === version.id} onClick={() => setOpen(open === version.id ? null : version.id)}>Compare</Button>}
                {version.item && onRestore && <Button size="small" onClick={() => onRestore(version)}>Restore</Button>}
              </div>
              {open === version.id && (pretty(version.item) === pretty(current) ? <p className="muted">It is as it was then.</p> : <Diff label="What is different now from then" before={pretty(version.item)} after={pretty(current)} />)}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

/** Copy, download, delete. */
export function ItemMenu({ kind, name, what, etag }: { kind: Kind; name: string; what: Body; etag: string | null }) {
  const writes = useItemWrites(kind);
  const talk = useTalk();
  const mayWrite = useMay("operator");
  const [isCopying, setCopying] = useState(false);
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement><Tooltip content="More" relationship="label"><Button icon={<MoreHorizontalRegular />} /></Tooltip></MenuTrigger>
        <MenuPopover>
          <MenuList>
            {mayWrite && <MenuItem onClick={() => setCopying(true)}>Copy…</MenuItem>}
            <MenuItem onClick={() => { location.href = `/api/${kind.path}/${encodeURIComponent(name)}/file`; }}>Download as an osquery file</MenuItem>
            {mayWrite && <MenuItem onClick={() => void writes.remove(name, what, etag).catch(talk.fail)}>Delete…</MenuItem>}
          </MenuList>
        </MenuPopover>
      </Menu>
      {isCopying && <NameDialog title={`Copy ${name}`} action="Copy" initial={`${name}-copy`} onClose={() => setCopying(false)} onDone={(to) => writes.copy(name, to)} />}
    </>
  );
}

/** Asks for a name, and says what is wrong with it. */
export function NameDialog({ title, action, initial = "", onClose, onDone }: { title: string; action: string; initial?: string; onClose: () => void; onDone: (name: string) => Promise<unknown> }) {
  const [name, setName] = useState(initial);
  return (
    <FormDialog title={title} action={action} isReady={name.trim() !== ""} onClose={onClose} onDone={() => onDone(name.trim())}>
      {() => <Field label="Name" required><Input autoFocus value={name} onChange={(_, data) => setName(data.value)} /></Field>}
    </FormDialog>
  );
}

/** Asks before what was typed is lost. */
export function useUnsaved(isDirty: boolean) {
  const talk = useTalk();
  useBlocker({ shouldBlockFn: async ({ current, next }) => isDirty && current.pathname !== next.pathname && !(await talk.ask({ title: "Leave without saving?", text: "What you changed here is lost.", action: "Leave", danger: true })), enableBeforeUnload: isDirty });
}
