import { useEffect, useRef, useState } from "react";
import type { Schemas } from "../../api";

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
  for (const values of answer.error ? [] : (answer.rows as Record<string, unknown>[])) {
    for (const column of Object.keys(values)) if (!into.columns.includes(column)) into.columns.push(column);
    into.rows.push({ nodeId: answer.nodeId, values });
  }
  return true;
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
    const source = new EventSource(`/api/campaigns/${encodeURIComponent(id)}/stream`);
    source.addEventListener("answer", (event) => {
      if (take(now, seen, JSON.parse((event as MessageEvent<string>).data) as Answer)) draw();
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
      now.isLost = false;
      draw();
    };
    source.onerror = () => {
      now.isLost = source.readyState !== EventSource.OPEN;
      draw();
    };
    return () => {
      source.close();
      window.clearTimeout(frame);
    };
  }, [id]);
  return state.current;
}
