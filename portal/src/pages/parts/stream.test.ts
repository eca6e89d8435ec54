import { expect, test } from "vitest";
import { take, type Watched } from "./stream";

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
