import { expect, test } from "vitest";
import { fetchLarge, take, type Watched } from "./stream";

const nothing = (): Watched => ({ rows: [], failed: [], empty: [], large: [], columns: [], counts: null, isOver: false, isLost: false, version: 0 });
const answer = (nodeId: string, more: object) => ({ nodeId, status: "done", rows: [], answeredAt: null, error: null, ...more }) as unknown as Parameters<typeof take>[2];

test("rows of all machines stand in one table, under all the columns that came", () => {
  const watched = nothing();
  const seen = new Set<string>();
  take(watched, seen, answer("a", { rows: [{ pid: "1", name: "init" }] }));
  take(watched, seen, answer("b", { rows: [{ pid: "7", path: "/bin/sh" }, { pid: "8" }] }));
  expect(watched.columns).toEqual(["pid", "name", "path"]);
  expect(watched.rows.map((row) => [row.nodeId, row.values.pid])).toEqual([["a", "1"], ["b", "7"], ["b", "8"]]);
});

test("an answer that comes again, as after a reconnection, is not counted twice", () => {
  const watched = nothing();
  const seen = new Set<string>();
  expect(take(watched, seen, answer("a", { rows: [{ x: "1" }] }))).toBe(true);
  expect(take(watched, seen, answer("a", { rows: [{ x: "1" }] }))).toBe(false);
  expect(watched.rows).toHaveLength(1);
});

test("errors, empty answers and those that are too large to show stand apart", () => {
  const watched = nothing();
  const seen = new Set<string>();
  take(watched, seen, answer("a", { status: "failed", error: "no such table" }));
  take(watched, seen, answer("b", {}));
  take(watched, seen, answer("c", { error: "too large to stream" }));
  expect([watched.failed.length, watched.empty, watched.large.length, watched.rows.length]).toEqual([1, ["b"], 1, 0]);
});

test("answers that are too large for the stream are fetched one by one", async () => {
  const watched = nothing();
  const seen = new Set<string>();
  for (const node of ["a", "b"]) take(watched, seen, answer(node, { error: "its rows are large" }));
  const asked: string[] = [];
  let drawn = 0;
  await fetchLarge(watched, async (node) => { asked.push(node); return answer(node, { rows: [{ x: node }] }) as never; }, () => drawn++, new AbortController().signal);
  expect([asked, watched.large, watched.rows.map((row) => row.values.x), drawn]).toEqual([["a", "b"], [], ["a", "b"], 2]);
});

test("an answer that cannot be fetched stays among those that are too large, and keeps none back", async () => {
  const watched = nothing();
  take(watched, new Set(), answer("a", { error: "its rows are large" }));
  take(watched, new Set(), answer("b", { error: "its rows are large" }));
  await fetchLarge(watched, async (node) => { if (node === "a") throw new Error("gone"); return answer(node, { rows: [{ x: node }] }) as never; }, () => {}, new AbortController().signal);
  expect([watched.large.map((one) => one.nodeId), watched.rows.length]).toEqual([["a"], 1]);
});
