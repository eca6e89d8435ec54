import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { QueryBuilder, type Field, type RuleGroupType, type FullOption, type ValueEditorProps, type ValueSelectorProps } from "react-querybuilder";
import { api, body, type Schemas } from "../../api";
import { useTables } from "../../parts/Sql";
import { useResultNames } from "../Results";
import { isNamed, type Operand, type Shapes } from "./conditions";

interface Props {
  schema: Schemas["RuleSchema"];
  shapes: Shapes;
  query: RuleGroupType;
  onChange: (query: RuleGroupType) => void;
  /** Names of results that the rule asks for: their columns are suggested. */
  names: string[];
  disabled: boolean;
}

/** Rules built by choosing: groups within groups, each condition a line. */
export function RuleBuilder({ schema, shapes, query, onChange, names, disabled }: Props) {
  const fields = useMemo<Field[]>(() => schema.fields.map((field) => ({ name: field.name, label: field.title })), [schema]);
  const operators = useMemo(() => schema.operators.map((one) => ({ name: one.name, label: one.title })), [schema]);
  const places = useMemo(() => new Set(schema.operators.filter((one) => one.kind === "place").map((one) => one.name)), [schema]);
  const columns = useColumns(names);
  const resultNames = useResultNames();
  return (
    <>
      <datalist id="rule-columns">{columns.map((name) => <option key={name} value={name} />)}</datalist>
      <datalist id="rule-query_name">{resultNames.map((name) => <option key={name} value={name} />)}</datalist>
      <datalist id="rule-action">{["added", "removed", "snapshot", "triggered"].map((name) => <option key={name} value={name} />)}</datalist>
      <QueryBuilder
        fields={fields} operators={operators} query={query} onQueryChange={onChange} disabled={disabled} context={{ shapes, places }}
        controlElements={{ valueEditor: Value, fieldSelector: Choice, operatorSelector: Choice, combinatorSelector: Choice }} controlClassnames={classes} translations={words} combinators={[{ name: "and", label: "all of" }, { name: "or", label: "any of" }]}
        getDefaultValue={() => ({ column: "", values: [] }) satisfies Operand} resetOnOperatorChange={false} resetOnFieldChange={false} showNotToggle showCloneButtons addRuleToNewGroups enableMountQueryChange={false} listsAsArrays
      />
    </>
  );
}

const classes = { fields: "native", operators: "native", combinators: "native", addRule: "native", addGroup: "native", removeRule: "native", removeGroup: "native", cloneRule: "native", cloneGroup: "native" };

const words = {
  fields: { title: "Field" }, operators: { title: "Operator" }, combinators: { title: "How the group's conditions join" }, notToggle: { label: "not", title: "Turn the group's verdict around" },
  addRule: { label: "+ Condition", title: "Add a condition" }, addGroup: { label: "+ Group", title: "Add a group" }, removeRule: { label: "×", title: "Remove the condition" }, removeGroup: { label: "×", title: "Remove the group" },
  cloneRule: { label: "Copy", title: "Copy the condition" }, cloneRuleGroup: { label: "Copy", title: "Copy the group" },
};

/** One of a few, with a name for those who hear the page. */
function Choice({ title, value, options, handleOnChange, disabled, className }: ValueSelectorProps) {
  return (
    <select className={className} aria-label={title} value={value} disabled={disabled} onChange={(event) => handleOnChange(event.target.value)}>
      {(options as FullOption[]).map((one) => <option key={one.name} value={one.name}>{one.label}</option>)}
    </select>
  );
}

/** The column, where the field has such, and as many values as the operator compares with. */
function Value({ field, operator, value, handleOnChange, context, disabled }: ValueEditorProps) {
  const { column, values } = (value || { column: "", values: [] }) as Operand;
  const shape = (context as { shapes: Shapes }).shapes.get(operator) ?? "one";
  const set = (i: number, text: string) => handleOnChange({ column, values: Array.from({ length: Math.max(values.length, i + 1) }, (_, at) => (at === i ? text : values[at] ?? "")) } satisfies Operand);
  const list = isNamed(field) ? undefined : `rule-${field}`;
  const isPlace = (context as { places: Set<string> }).places.has(operator);
  return (
    <>
      {isNamed(field) && <input className="native mono" aria-label={field === "column" ? "Column" : "Decoration"} placeholder={field} list={field === "column" ? "rule-columns" : undefined} value={column} disabled={disabled} onChange={(event) => handleOnChange({ column: event.target.value, values } satisfies Operand)} />}
      {isPlace ? (
        <select className="native" aria-label="New where" value={values[0] === "fleet" ? "fleet" : "node"} disabled={disabled} onChange={(event) => set(0, event.target.value)}><option value="node">on its node</option><option value="fleet">in the fleet</option></select>
      ) : shape === "many" ? (
        <textarea className="native mono" aria-label="Values, one on a line" placeholder="one on a line" rows={Math.min(6, Math.max(2, values.length + 1))} value={values.join("\n")} disabled={disabled} onChange={(event) => handleOnChange({ column, values: event.target.value === "" ? [] : event.target.value.split("\n") } satisfies Operand)} />
      ) : shape === "none" ? null : (
        <>
          <input className="native mono grow" aria-label={shape === "two" ? "From" : "Value"} placeholder={field === "timestamp" ? "2026-01-31T08:00:00Z" : "value"} list={list} value={String(values[0] ?? "")} disabled={disabled} onChange={(event) => set(0, event.target.value)} />
          {shape === "two" && <input className="native mono grow" aria-label="To" placeholder="to" value={String(values[1] ?? "")} disabled={disabled} onChange={(event) => set(1, event.target.value)} />}
        </>
      )}
    </>
  );
}

/** Columns that were seen lately in results of these names, then those of osquery's tables. */
function useColumns(names: string[]): string[] {
  const tables = useTables();
  const recent = useRecentLines(names);
  return useMemo(() => {
    const seen = recent.flatMap((line) => Object.keys(line.columns));
    return [...new Set([...seen, ...(tables?.tables ?? []).flatMap((table) => table.columns.map((column) => column.name))])];
  }, [tables, recent]);
}

const none: Schemas["Result"][] = [];

/** What nodes sent last under these names; under any, where there are none. */
export function useRecentLines(names: string[]): Schemas["Result"][] {
  return useQuery({
    queryKey: ["recent-lines", names], staleTime: 20_000,
    queryFn: async ({ signal }) => {
      const pages = await Promise.all((names.length > 0 ? names.slice(0, 5) : [undefined]).map((query) => body(api.GET("/api/results", { params: { query: { query, take: 25 } }, signal }))));
      return pages.flatMap((page) => page.items).filter((line) => !line.fault);
    },
  }).data ?? none;
}
