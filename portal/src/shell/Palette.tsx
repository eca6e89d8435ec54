import { Dialog, DialogSurface, Input } from "@fluentui/react-components";
import { SearchRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState, type KeyboardEvent } from "react";
import { api, body } from "../api";
import { useMay } from "../session";
import { places } from "./Frame";

interface Found {
  key: string;
  name: string;
  kind: string;
  go: () => void;
}

/** Ctrl-K: go to anything by its name. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const isOperator = useMay("operator");
  const isAdmin = useMay("admin");
  const [text, setText] = useState("");
  const [settled, setSettled] = useState("");
  const [chosen, setChosen] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text.trim()), 150);
    return () => clearTimeout(timer);
  }, [text]);

  const found = useQuery({
    queryKey: ["palette", settled], enabled: settled.length > 0, staleTime: 5_000,
    queryFn: async ({ signal }): Promise<Found[]> => {
      const query = { q: settled, take: 5 };
      const [nodes, queries, packs, tags, rules] = await Promise.all([
        body(api.GET("/api/nodes", { params: { query }, signal })), body(api.GET("/api/queries", { params: { query }, signal })), body(api.GET("/api/packs", { params: { query }, signal })),
        body(api.GET("/api/tags", { params: { query }, signal })), body(api.GET("/api/rules", { params: { query }, signal })),
      ]);
      return [
        ...nodes.items.map((node) => ({ key: "n" + node.id, name: node.displayName, kind: `node, ${node.status}`, go: () => navigate({ to: "/nodes/$id", params: { id: node.id } }) })),
        ...queries.items.map((one) => ({ key: "q" + one.name, name: one.name, kind: "query", go: () => navigate({ to: "/queries/$name", params: { name: one.name } }) })),
        ...(packs.items as { name: string }[]).map((one) => ({ key: "p" + one.name, name: one.name, kind: "pack", go: () => navigate({ to: "/packs/$name", params: { name: one.name } }) })),
        ...tags.items.map((one) => ({ key: "t" + one.name, name: one.name, kind: "tag", go: () => navigate({ to: "/tags/$name", params: { name: one.name } }) })),
        ...rules.items.map((one) => ({ key: "r" + one.id, name: one.name, kind: "rule", go: () => navigate({ to: "/rules/$id", params: { id: one.id } }) })),
      ];
    },
  });

  const commands = useMemo<Found[]>(() => [
    ...(isOperator ? [
      ["Run a live query", "/live"], ["New query", "/queries/+new"], ["New pack", "/packs/+new"], ["New rule", "/rules/+new"], ["Import a pack file", "/packs?import=1"],
    ] : []).map(([name, to]) => ({ key: "c" + name, name: name!, kind: "command", go: () => navigate({ href: to! } as never) })),
    ...places.flatMap(([, entries]) => entries).filter((entry) => !entry.role || (entry.role === "admin" ? isAdmin : isOperator)).map((entry) => ({ key: entry.to, name: entry.name, kind: "page", go: () => navigate({ to: entry.to }) })),
  ], [isOperator, isAdmin, navigate]);
  const words = text.trim().toLowerCase();
  const shown = [...commands.filter((one) => one.name.toLowerCase().includes(words)), ...(words ? found.data ?? [] : [])].slice(0, 40);
  const current = Math.min(chosen, Math.max(0, shown.length - 1));

  const run = (one: Found | undefined) => {
    if (!one) return;
    onClose();
    one.go();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen(Math.min(current + 1, shown.length - 1));
    else if (event.key === "ArrowUp") setChosen(Math.max(current - 1, 0));
    else if (event.key === "Enter") run(shown[current]);
    else return;
    event.preventDefault();
  };
  useEffect(() => document.getElementById(`palette-${current}`)?.scrollIntoView({ block: "nearest" }), [current]);

  return (
    <Dialog open onOpenChange={(_, data) => !data.open && onClose()}>
      <DialogSurface aria-label="Find anything" style={{ alignSelf: "start", marginTop: "12vh" }}>
        <div className="stack">
          <Input size="large" autoFocus contentBefore={<SearchRegular />} placeholder="A node, query, pack, tag, rule or page" value={text} onChange={(_, data) => { setText(data.value); setChosen(0); }} onKeyDown={onKey}
            role="combobox" aria-expanded aria-controls="palette" aria-activedescendant={shown.length > 0 ? `palette-${current}` : undefined} aria-label="Find anything" aria-autocomplete="list" />
          <ul id="palette" role="listbox" aria-label="Found" className="palette-list">
            {shown.map((one, i) => (
              <li key={one.key} id={`palette-${i}`} role="option" aria-selected={i === current} onMouseMove={() => setChosen(i)} onClick={() => run(one)}><span>{one.name}</span><small>{one.kind}</small></li>
            ))}
          </ul>
          {shown.length === 0 && <p className="muted" role="status" style={{ margin: "8px 12px" }}>{found.isFetching || settled !== text.trim() ? "Looking…" : "Nothing is called that."}</p>}
        </div>
      </DialogSurface>
    </Dialog>
  );
}
