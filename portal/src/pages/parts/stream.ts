import { useEffect, useRef, useState } from "react";
import { api, body, type Schemas } from "../../api";

type Answer = Schemas["Answer"];
export type Counts = Schemas["CampaignCounts"];

/** A row of an answer, as the table shows it. */
export interface AnswerRow {
  nodeId: string;
  values: Record<string, unknown>;
}

/** What came so far. The arrays are the same ones throughout and only grow: `version` tells that they did. */
export interface Watched {
  rows: AnswerRow[];
  failed: Answer[];
  empty: string[];
  large: Answer[];
  columns: string[];
  counts: Counts | null;
  isOver: boolean;
  isLost: boolean;
  version: number;
}

const fresh = (): Watched => ({ rows: [], failed: [], empty: [], large: [], columns: [], counts: null, isOver: false, isLost: false, version: 0 });

/** Adds an answer; false if it was there already. */
export function take(into: Watched, seen: Set<string>, answer: Answer): boolean {
  if (seen.has(answer.nodeId)) return false;
  seen.add(answer.nodeId);
  if (answer.status === "failed") into.failed.push(answer);
  else if (answer.error) into.large.push(answer);
  else if (answer.rows.length === 0) into.empty.push(answer.nodeId);
  add(into, answer);
  return true;
}

function add(into: Watched, answer: Answer) {
  for (const values of answer.rows as Record<string, unknown>[]) {
    for (const column of Object.keys(values)) if (!into.columns.includes(column)) into.columns.push(column);
    into.rows.push({ nodeId: answer.nodeId, values });
  }
}

/** More rows than this are left to the export. */
const mostRows = 500_000;

/** Fetches answers that are too large for the stream, one after the other, as long as there is room for them. */
export async function fetchLarge(into: Watched, fetch: (nodeId: string) => Promise<Answer>, drawn: () => void, signal: AbortSignal) {
  const failed: Answer[] = [];
  while (into.large.length > 0 && into.rows.length < mostRows && !signal.aborted) {
    const next = into.large.shift()!;
    try {
      const whole = await fetch(next.nodeId);
      if (signal.aborted) return;
      add(into, whole);
    } catch {
      failed.push(next);
    }
    drawn();
  }
  into.large.push(...failed);
}

/** Watches a campaign as its answers come. The browser comes back by itself when the stream breaks; what it has is not sent again. */
export function useCampaignStream(id: string): Watched {
  const [, redraw] = useState(0);
  const state = useRef<Watched>(fresh());
  useEffect(() => {
    const now = (state.current = fresh());
    const seen = new Set<string>();
    let frame = 0;
    // Answers may come by the thousand a second: the page is drawn once a frame at most, and four times a second.
    const draw = () => {
      if (frame) return;
      frame = window.setTimeout(() => {
        frame = 0;
        now.version++;
        redraw(now.version);
      }, 250);
    };
    // One fetch at a time. What fails is tried again after a while.
    const stop = new AbortController();
    let isFetching = false;
    let again = 0;
    let losing = 0;
    const fill = async () => {
      if (isFetching) return;
      isFetching = true;
      await fetchLarge(now, (nodeId) => body(api.GET("/api/campaigns/{id}/answers/{nodeId}", { params: { path: { id, nodeId } }, signal: stop.signal })), draw, stop.signal);
      isFetching = false;
      if (now.large.length > 0 && now.rows.length < mostRows && !stop.signal.aborted) again = window.setTimeout(() => void fill(), 10_000);
    };
    let source: EventSource;
    const open = () => {
      source = new EventSource(`/api/campaigns/${encodeURIComponent(id)}/stream`);
      source.addEventListener("answer", (event) => {
        if (take(now, seen, JSON.parse((event as MessageEvent<string>).data) as Answer)) draw();
        if (now.large.length > 0) void fill();
      });
      source.addEventListener("counts", (event) => {
        now.counts = JSON.parse((event as MessageEvent<string>).data) as Counts;
        draw();
      });
      source.addEventListener("end", () => {
        now.isOver = true;
        source.close();
        draw();
      });
      source.onopen = () => {
        window.clearTimeout(losing);
        losing = 0;
        now.isLost = false;
        draw();
      };
      source.onerror = () => {
        // Streams end every few minutes and are opened again: that is told only when it takes long. A refusal ends the browser's own trying.
        if (losing === 0) losing = window.setTimeout(() => { now.isLost = true; draw(); }, 8_000);
        if (source.readyState === EventSource.CLOSED && !stop.signal.aborted) window.setTimeout(() => stop.signal.aborted || now.isOver || open(), 4_000);
      };
    };
    open();
    return () => {
      stop.abort();
      source.close();
      for (const timer of [frame, again, losing]) window.clearTimeout(timer);
    };
  }, [id]);
  return state.current;
}
