import { expect, test } from "vitest";
import { fromJson, type GroupJson, isConditions, leaves, lineOf, queryNames, type Shapes, toJson, worded } from "./conditions";

const shapes: Shapes = new Map([["equal", "one"], ["begins_with", "one"], ["is_empty", "none"], ["between", "two"], ["in", "many"]]);

const nested: GroupJson = {
  condition: "AND",
  rules: [
    { field: "query_name", operator: "in", value: ["processes", "pack/fleet/shells"] },
    { condition: "OR", not: true, rules: [
      { field: "column", operator: "column_begins_with", value: ["path", "/tmp/"] },
      { field: "column", operator: "column_is_empty", value: ["cmdline"] },
      { field: "column", operator: "column_between", value: ["pid", [1, 100]] },
      { field: "column", operator: "column_in", value: ["user", ["root", "daemon"]] },
    ] },
    { field: "action", operator: "equal", value: "added" },
  ],
};

test("a rule comes back from the builder as it went in", () => expect(toJson(fromJson(nested), shapes)).toEqual(nested));

test("numbers stay numbers", () => {
  const rule: GroupJson = { condition: "OR", rules: [{ field: "column", operator: "column_equal", value: ["pid", 7] }] };
  expect(toJson(fromJson(rule), shapes)).toEqual(rule);
});

test("a bare text of a column's condition is its name and what it compares with, as the server reads it", () =>
  expect(toJson(fromJson({ condition: "AND", rules: [{ field: "column", operator: "equal", value: "on" }] }), shapes).rules[0]).toEqual({ field: "column", operator: "column_equal", value: ["on", "on"] }));

test("an operator that compares with another number of values keeps those that fit", () => {
  const edited = fromJson({ condition: "AND", rules: [{ field: "action", operator: "in", value: ["added", "removed"] }] });
  Object.assign(edited.rules[0]!, { operator: "equal" });
  expect(toJson(edited, shapes).rules[0]).toEqual({ field: "action", operator: "equal", value: "added" });
});

test("groups without conditions are left out, as the server refuses them", () =>
  expect(toJson({ combinator: "and", rules: [{ combinator: "or", rules: [] }] }, shapes)).toEqual({ condition: "AND", rules: [] }));

test("leaves have the places that the server names", () =>
  expect(leaves(nested).map(({ path }) => path)).toEqual(["conditions.rules[0]", "conditions.rules[1].rules[0]", "conditions.rules[1].rules[1]", "conditions.rules[1].rules[2]", "conditions.rules[1].rules[3]", "conditions.rules[2]"]));

test("names of queries are those that are compared for equality", () => expect(queryNames(nested)).toEqual(["processes", "pack/fleet/shells"]));

test("conditions read as sentences", () => expect(worded({ field: "column", operator: "column_not_begins_with", value: ["path", "/tmp/"] })).toEqual({ subject: "path", verb: "not begins with", object: "/tmp/" }));

test.each([[null], ["text"], [{ condition: "XOR", rules: [] }], [{ condition: "AND" }], [{ condition: "AND", rules: [{ field: "a" }] }]])("%j are no conditions", (value) => expect(isConditions(value)).toBe(false));

test("a pasted line of osquery's is one to try on", () =>
  expect(lineOf('{"name":"p","action":"removed","hostIdentifier":"h","unixTime":1700000000,"calendarTime":"x","columns":{"a":"1"}}')).toEqual({ name: "p", action: "removed", hostIdentifier: "h", timestamp: 1700000000, columns: { a: "1" } }));

test("a pasted snapshot is tried with all its rows", () => expect(lineOf('{"name":"p","snapshot":[{"a":"1"},{"a":"2"}]}')).toEqual({ name: "p", action: "snapshot", snapshot: [{ a: "1" }, { a: "2" }] }));

test("a pasted batch is tried with all its rows", () => expect(lineOf('{"name":"p","diffResults":{"added":[{"a":"1"}],"removed":""}}')).toEqual({ name: "p", action: "added", diffResults: { added: [{ a: "1" }], removed: "" } }));

test("a pasted list is no line", () => expect(() => lineOf("[]")).toThrow("A line is a JSON object."));
