import { keepPreviousData, useInfiniteQuery, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";

/** The envelope that every list of the API comes in. */
export interface PageOf<T> {
  items: T[];
  next?: string | null;
  totalItems?: number | null;
}

/** Rows of a table, wherever they come from: those that are not here yet are undefined. */
export interface RowSource<T> {
  count: number;
  /** How many there are in all, where the server says so. */
  total?: number | undefined;
  at: (index: number) => T | undefined;
  /** Which rows are on the screen: what lacks is fetched. */
  onRange: (first: number, last: number) => void;
  isLoading: boolean;
  /** Other rows than these are on their way, or more of them. */
  isFetching: boolean;
  error: unknown;
  refetch: () => void;
}

const pageSize = 100;

/** A list by page numbers: any place of it can be jumped to, and only what is seen is fetched. */
export function usePages<T>(key: readonly unknown[], fetch: (page: number, take: number, signal: AbortSignal) => Promise<PageOf<T>>, refetchInterval?: number): RowSource<T> {
  const [range, setRange] = useState<[number, number]>([1, 1]);
  const client = useQueryClient();
  const of = (page: number) => ({
    queryKey: [...key, "page", page],
    queryFn: ({ signal }: { signal: AbortSignal }) => fetch(page, pageSize, signal),
    staleTime: 5_000,
    refetchInterval: refetchInterval ?? (false as const),
  });
  const first = useQuery({ ...of(1), placeholderData: keepPreviousData });
  const wanted = [];
  for (let page = Math.max(2, range[0]); page <= range[1]; page++) wanted.push(page);
  useQueries({ queries: wanted.map(of) });
  const total = first.data?.totalItems ?? first.data?.items.length ?? 0;
  return {
    count: total,
    total,
    at: (index) => {
      const page = Math.floor(index / pageSize) + 1;
      const data = page === 1 ? first.data : client.getQueryData<PageOf<T>>([...key, "page", page]);
      return data?.items[index % pageSize];
    },
    onRange: (from, to) => {
      const next: [number, number] = [Math.floor(from / pageSize) + 1, Math.floor(to / pageSize) + 1];
      if (next[0] !== range[0] || next[1] !== range[1]) setRange(next);
    },
    isLoading: first.isPending,
    isFetching: first.isFetching && first.isPlaceholderData,
    error: first.error,
    refetch: () => void client.invalidateQueries({ queryKey: key }),
  };
}

/** A list by cursors: it grows as one scrolls. Pages may be short or empty and still lead on. */
export function useCursor<T>(key: readonly unknown[], fetch: (after: string | undefined, signal: AbortSignal) => Promise<PageOf<T>>, options: { refetchInterval?: number; enabled?: boolean } = {}): RowSource<T> & { loaded: readonly T[] } {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => fetch(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: options.refetchInterval ?? false,
    enabled: options.enabled ?? true,
  });
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  return {
    loaded: rows,
    count: rows.length,
    total: query.hasNextPage ? undefined : rows.length,
    at: (index) => rows[index],
    onRange: (_, to) => {
      if (to >= rows.length - 30 && query.hasNextPage && !query.isFetchingNextPage && !query.isFetchNextPageError) void query.fetchNextPage();
    },
    isLoading: query.isPending && (options.enabled ?? true),
    isFetching: query.isFetchingNextPage || (query.isFetching && query.isPlaceholderData),
    error: query.error,
    refetch: () => void query.refetch(),
  };
}

/** Rows that are here already. */
export function fixed<T>(rows: readonly T[]): RowSource<T> {
  return { count: rows.length, total: rows.length, at: (index) => rows[index], onRange: () => {}, isLoading: false, isFetching: false, error: null, refetch: () => {} };
}
