import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Search } from "./router";

/** The part of a page's state that its address holds. */
export function useAddress() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback((changes: Search, push = false) => void navigate({ to: ".", search: (before: Search) => ({ ...before, ...changes }), replace: !push } as never), [navigate]);
  return useMemo(() => ({ search, one: (name: string) => search[name] ?? "", many: (name: string) => search[name]?.split(",") ?? [], set }), [search, set]);
}

/** A search field: what is typed goes to the address when the typing stops, and what the address says otherwise goes to the field. */
export function useSearchText(name = "q"): [string, (text: string) => void] {
  const at = useAddress();
  const held = at.one(name);
  const [text, setText] = useState(held);
  const written = useRef(held);
  useEffect(() => {
    if (held === written.current) return;
    written.current = held;
    setText(held);
  }, [held]);
  useEffect(() => {
    if (text === written.current) return;
    const timer = setTimeout(() => {
      written.current = text;
      at.set({ [name]: text || undefined });
    }, 250);
    return () => clearTimeout(timer);
  }, [text, at, name]);
  return [text, setText];
}
