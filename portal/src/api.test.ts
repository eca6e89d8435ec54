import { expect, test } from "vitest";
import { address, Fault, ifMatch } from "./api";

test("an address holds what was chosen, and nothing of what was not", () => expect(address("/api/x", { q: "a b&c", tag: "", node: undefined, take: 0 })).toBe("/api/x?q=a+b%26c&take=0"));

test("a refusal says in the server's words what to do", () => expect(new Fault(409, { title: "Conflict", detail: "These rules use it." }).message).toBe("These rules use it."));

test("what is wrong with a member is found by its name, however deep it is", () => {
  const fault = new Fault(422, { title: "Invalid", errors: [{ path: "alerters[0]", message: "There is none." }, { path: "nameless", message: "Other." }] });
  expect([fault.of("alerters"), fault.of("name")]).toEqual(["There is none.", undefined]);
});

test("an answer that is no problem of ours is told by its status", () => expect(new Fault(502, {}).message).toBe("The server answered 502."));

test("a write names the state that was seen, if there was one", () => expect([ifMatch('"1"'), ifMatch(null)]).toEqual([{ "If-Match": '"1"' }, {}]));
