import type { RuleGroupType, RuleType } from "react-querybuilder";
import type { Schemas } from "../../api";

/** Fields whose conditions name what they are about: one of the line's columns or decorations. */
export const isNamed = (field: string) => field === "column" || field === "decoration";

/** A condition's right-hand side: the column or decoration that it is about, where the field has such, and what it compares with. */
export interface Operand {
  column: string;
  values: Scalar[];
}

type Scalar = string | number | boolean;
type Shape = "none" | "one" | "two" | "many";

export interface LeafJson {
  field: string;
  operator: string;
  value: unknown;
}

export interface GroupJson {
  condition: "AND" | "OR";
  not?: boolean;
  rules: (GroupJson | LeafJson)[];
}

export const isGroup = (node: GroupJson | LeafJson): node is GroupJson => "rules" in node;

/** How many values each operator compares with, as the server says. */
export type Shapes = ReadonlyMap<string, Shape>;

export const shapesOf = (schema: Schemas["RuleSchema"]): Shapes => new Map(schema.operators.map((one) => [one.name, one.operand as Shape]));

const plain = (operator: string) => operator.replace(/^(column|decoration)_/, "");

const scalars = (value: unknown): Scalar[] => (Array.isArray(value) ? value : [value]).filter((one): one is Scalar => typeof one === "string" || typeof one === "number" || typeof one === "boolean");

/** jQuery QueryBuilder's JSON, which rules are stored as, to what the visual builder edits. */
export function fromJson(group: GroupJson): RuleGroupType {
  return {
    combinator: group.condition === "OR" ? "or" : "and",
    not: group.not === true,
    rules: group.rules.map((node): RuleGroupType | RuleType => {
      if (isGroup(node)) return fromJson(node);
      if (!isNamed(node.field)) return { field: node.field, operator: node.operator, value: { column: "", values: scalars(node.value) } satisfies Operand };
      const [column, value] = Array.isArray(node.value) ? [node.value[0], node.value[1]] : [node.value, node.value];
      return { field: node.field, operator: plain(node.operator), value: { column: String(column ?? ""), values: scalars(value) } satisfies Operand };
    }),
  };
}

/** The way back. Groups that hold nothing are left out, but for the outermost. */
export function toJson(group: RuleGroupType, shapes: Shapes): GroupJson {
  const rules: (GroupJson | LeafJson)[] = [];
  for (const node of group.rules) {
    if ("rules" in node) {
      const inner = toJson(node, shapes);
      if (inner.rules.length > 0) rules.push(inner);
      continue;
    }
    const { column, values } = (node.value ?? { column: "", values: [] }) as Operand;
    const shape = shapes.get(node.operator) ?? "one";
    const compared = shape === "none" ? null : shape === "many" ? values : shape === "two" ? [values[0] ?? "", values[1] ?? ""] : values[0] ?? "";
    rules.push(isNamed(node.field) ? { field: node.field, operator: "column_" + node.operator, value: shape === "none" ? [column] : [column, compared] } : { field: node.field, operator: node.operator, value: compared });
  }
  return { condition: group.combinator === "or" ? "OR" : "AND", ...(group.not ? { not: true } : {}), rules };
}

/** Whether a text is conditions, as far as their shape goes; what they say the server judges. */
export function isConditions(value: unknown): value is GroupJson {
  if (typeof value !== "object" || value === null) return false;
  const group = value as Partial<GroupJson>;
  return (group.condition === "AND" || group.condition === "OR") && Array.isArray(group.rules)
    && group.rules.every((node) => typeof node === "object" && node !== null && ("rules" in node ? isConditions(node) : typeof (node as LeafJson).field === "string" && typeof (node as LeafJson).operator === "string"));
}

/** The leaves with their places, as the server names them. */
export function leaves(group: GroupJson, path = "conditions"): { path: string; leaf: LeafJson }[] {
  return group.rules.flatMap((node, i) => (isGroup(node) ? leaves(node, `${path}.rules[${i}]`) : [{ path: `${path}.rules[${i}]`, leaf: node }]));
}

/** The names of results that the conditions ask for by name. */
export const queryNames = (group: GroupJson) => [...new Set(leaves(group).filter(({ leaf }) => leaf.field === "query_name" && (leaf.operator === "equal" || leaf.operator === "in")).flatMap(({ leaf }) => scalars(leaf.value).map(String)))].filter(Boolean);

/** A condition as a sentence: "column path begins with /tmp/". */
export function worded(leaf: LeafJson): { subject: string; verb: string; object: string } {
  const verb = plain(leaf.operator).replaceAll("_", " ");
  if (!isNamed(leaf.field)) return { subject: leaf.field.replaceAll("_", " "), verb, object: scalars(leaf.value).join(", ") };
  const [column, value] = Array.isArray(leaf.value) ? [leaf.value[0], leaf.value[1]] : [leaf.value, ""];
  return { subject: leaf.field === "decoration" ? `decoration ${String(column)}` : String(column), verb, object: scalars(value).join(", ") };
}

/** A line as osquery or this server writes it, as the server tries rules on; the first row of a snapshot. */
export function lineOf(text: string): Schemas["RuleTestLine"] {
  const line = JSON.parse(text) as Record<string, unknown>;
  if (typeof line !== "object" || line === null || Array.isArray(line)) throw new SyntaxError("A line is a JSON object.");
  const rows = line.columns === undefined && Array.isArray(line.snapshot) ? { snapshot: line.snapshot } : line.columns === undefined && typeof line.diffResults === "object" && line.diffResults !== null ? { diffResults: line.diffResults } : null;
  const timestamp = line.timestamp ?? line.unixTime ?? line.time;
  return {
    ...(typeof line.name === "string" ? { name: line.name } : {}),
    action: typeof line.action === "string" ? line.action : rows && "snapshot" in rows ? "snapshot" : "added",
    ...(typeof line.hostIdentifier === "string" ? { hostIdentifier: line.hostIdentifier } : {}),
    ...(timestamp === undefined ? {} : { timestamp: timestamp as never }),
    ...((rows ?? { columns: line.columns ?? {} }) as object),
    ...(typeof line.decorations === "object" && line.decorations !== null ? { decorations: line.decorations as never } : {}),
    ...(typeof line.nodeId === "string" ? { nodeId: line.nodeId } : {}),
    ...(Array.isArray(line.tags) ? { tags: line.tags.map(String) } : {}),
    ...(typeof line.platform === "string" ? { platform: line.platform } : {}),
  };
}
