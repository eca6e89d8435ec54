import type { Schemas } from "../../api";

type Absence = Schemas["RuleAbsence"];

/** Each kind of absence, as a choice and in words. */
export const absenceKinds: [string, string][] = [
  ["not_seen", "A node is not heard of"],
  ["quiet", "A node checks in and sends no results"],
  ["never_reported", "A node never sent results after it enrolled"],
  ["results", "A query's results stay away"],
  ["missing", "A share of the fleet is missing"],
];

/** What a rule waits for, as a sentence. */
export function absenceWords(absence: Absence): string {
  switch (absence.kind) {
    case "results": return `No result of ${absence.query ?? "a query"} from a node within ${absence.intervals ?? 2} of its intervals.`;
    case "quiet": return `A node checks in, and has sent no results for ${absence.for ?? "a while"}.`;
    case "never_reported": return `A node enrolled ${absence.for ?? "a while"} ago, and never sent results.`;
    case "missing": return `${absence.percent ?? 100} % of the nodes have not been heard of for ${absence.for ?? "a while"}.`;
    default: return `A node has not been heard of for ${absence.for ?? "a while"}.`;
  }
}
