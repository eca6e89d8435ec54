import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import type { Search } from "./router";

/** The part of a page's state that its address holds. */
export function useAddress() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback((changes: Search, push = false) => void navigate({ to: ".", search: (before: Search) => ({ ...before, ...changes }), replace: !push } as never), [navigate]);
  return useMemo(() => ({ search, one: (name: string) => search[name] ?? "", many: (name: string) => search[name]?.split(",") ?? [], set }), [search, set]);
}
