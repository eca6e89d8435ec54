import { expect, test } from "vitest";
import { ago, bytes, counted, platformName, span, utcTime } from "./format";

const now = Date.parse("2026-01-02T03:04:05Z");

test.each([[-3, "just now"], [-40, "40 seconds ago"], [-120, "2 minutes ago"], [-3 * 3600, "3 hours ago"], [-86_400, "yesterday"], [2 * 86_400, "in 2 days"]])("%i seconds from now is %s", (seconds, text) => expect(ago(now + seconds * 1000, now)).toBe(text));

test.each([[1, "1 s"], [60, "1 min"], [90, "90 s"], [3600, "1 h"], [86_400, "1 d"], [0, "0 s"]])("%i seconds are said as %s", (seconds, text) => expect(span(seconds)).toBe(text));

test.each([[0, "0 B"], [999, "999 B"], [1_500, "1.5 kB"], [12_000_000, "12 MB"]])("%i bytes are said as %s", (size, text) => expect(bytes(size)).toBe(text));

test("numbers are grouped, and one is one", () => expect([counted(1, "node"), counted(2_000, "node"), counted(2, "query", "queries")]).toEqual(["1 node", "2,000 nodes", "2 queries"]));

test("times are told in UTC too, without what nobody reads", () => expect(utcTime("2026-01-02T03:04:05.678Z")).toBe("2026-01-02 03:04:05 UTC"));

test("platforms have the names that people know, and else osquery's", () => expect([platformName("darwin"), platformName("haiku")]).toEqual(["macOS", "haiku"]));
