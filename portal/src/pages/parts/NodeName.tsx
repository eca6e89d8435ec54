import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, body } from "../../api";
import { Go } from "../../parts/basics";

function useName(id: string, name?: string | null): string {
  // Rows that only fly by ask for nothing.
  const [stays, setStays] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStays(true), 150);
    return () => clearTimeout(timer);
  }, []);
  const found = useQuery({
    queryKey: ["node-name", id], enabled: !name && stays, staleTime: 300_000, retry: false,
    queryFn: async ({ signal }) => (await body(api.GET("/api/nodes/{id}", { params: { path: { id } }, signal }))).displayName,
  });
  return name ?? found.data ?? id.slice(0, 8) + "…";
}

/** A node by its name, which is asked for once; one that is gone has only its id. */
export function NodeName({ id, name }: { id: string; name?: string | null }) {
  return <Go to="/nodes/$id" params={{ id }}>{useName(id, name)}</Go>;
}

/** The same without a link. */
export const NodeText = ({ id }: { id: string }) => <>{useName(id)}</>;
