import { Button, Checkbox, Menu, MenuItemCheckbox, MenuList, MenuPopover, MenuTrigger, SkeletonItem } from "@fluentui/react-components";
import { ArrowDownRegular, ArrowUpRegular, ColumnTripleEditRegular } from "@fluentui/react-icons";
import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type VisibilityState } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useNarrow } from "../theme";
import { Problem } from "./basics";
import { counted } from "./format";
import type { RowSource } from "./rows";

export interface Column<T> {
  id: string;
  name: string;
  cell: (row: T) => ReactNode;
  /** As CSS grid knows widths; one share of what is left otherwise. */
  width?: string;
  /** What the server sorts by. */
  sort?: string;
  /** Not shown until it is chosen. */
  hidden?: boolean;
  /** Shown on a phone too. */
  narrow?: boolean;
}

interface Props<T> {
  /** What the rows are, for people who hear the page. */
  name: string;
  /** Under this name the choice of columns is remembered; without it there is no choice. */
  id?: string;
  columns: Column<T>[];
  rows: RowSource<T>;
  rowKey: (row: T) => string;
  sort?: { by: string; down: boolean };
  onSort?: (by: string, down: boolean) => void;
  selection?: ReadonlySet<string>;
  onSelect?: (selection: ReadonlySet<string>) => void;
  empty: ReactNode;
  /** What stands over the table, beside the count and the column chooser. */
  tools?: ReactNode;
  noun?: [string, string];
  rowHeight?: number;
  height?: string;
}

/** A table of any length: only the rows on the screen are in the page. */
export function DataTable<T>({ name, id, columns, rows, rowKey, sort, onSort, selection, onSelect, empty, tools, noun, rowHeight = 41, height }: Props<T>) {
  const isNarrow = useNarrow();
  const [visibility, setVisibility] = useRemembered(id, columns);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({ count: rows.count, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 12 });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items[items.length - 1]?.index ?? 0;
  useEffect(() => rows.onRange(first, last));

  const shown = items.map((item) => ({ item, row: rows.at(item.index) }));
  const present = shown.filter((one): one is { item: (typeof items)[number]; row: T & {} } => one.row !== undefined);
  const definitions = useMemo<ColumnDef<T>[]>(() => columns.map((column) => ({ id: column.id, header: column.name, cell: ({ row }) => column.cell(row.original) })), [columns]);
  const narrowed = useMemo(() => (isNarrow ? Object.fromEntries(columns.map((column, i) => [column.id, column.narrow ?? i === 0])) : visibility), [columns, isNarrow, visibility]);
  const table = useReactTable<T>({
    data: present.map((one) => one.row), columns: definitions, getCoreRowModel: getCoreRowModel(), getRowId: (row) => rowKey(row),
    state: { columnVisibility: narrowed }, manualSorting: true, manualPagination: true,
  });
  const visible = table.getVisibleLeafColumns().map((column) => columns.find((one) => one.id === column.id)!);
  const template = [...(selection ? ["40px"] : []), ...visible.map((column) => (isNarrow ? "minmax(0, 1fr)" : column.width ?? "minmax(120px, 1fr)"))].join(" ");
  // Every row is as wide as the widest may need, so that columns stand under each other.
  const rowStyle = { gridTemplateColumns: template, minWidth: isNarrow ? undefined : least(template) };
  const modelRows = table.getRowModel().rows;
  let nextModel = 0;

  const toggle = (key: string, on: boolean) => {
    const next = new Set(selection);
    if (on) next.add(key);
    else next.delete(key);
    onSelect?.(next);
  };
  const loaded = present.map((one) => rowKey(one.row));
  const chosenHere = selection ? loaded.filter((key) => selection.has(key)).length : 0;

  if (rows.error && rows.count === 0) return <Problem of={rows.error} retry={rows.refetch} />;
  return (
    <div className="table-whole">
      {(tools || noun || id) && <div className="table-tools">
        <div className="table-tools-left">{tools}</div>
        <span className="muted" aria-live="polite">
          {rows.isLoading || rows.count === 0 ? "" : noun ? (rows.total === undefined ? `first ${counted(rows.count, ...noun)}` : counted(rows.total, ...noun)) : ""}
        </span>
        {id && !isNarrow && (
          <Menu checkedValues={{ columns: columns.filter((column) => visibility[column.id] !== false).map((column) => column.id) }}
            onCheckedValueChange={(_, data) => setVisibility(Object.fromEntries(columns.map((column) => [column.id, data.checkedItems.includes(column.id)])))}>
            <MenuTrigger disableButtonEnhancement><Button size="small" appearance="subtle" icon={<ColumnTripleEditRegular />}>Columns</Button></MenuTrigger>
            <MenuPopover><MenuList>{columns.map((column) => <MenuItemCheckbox key={column.id} name="columns" value={column.id}>{column.name}</MenuItemCheckbox>)}</MenuList></MenuPopover>
          </Menu>
        )}
      </div>}
      {rows.error ? <Problem of={rows.error} retry={rows.refetch} /> : null}
      {!rows.isLoading && rows.count === 0 ? (rows.isFetching ? <div className="table" aria-busy="true" /> : empty) : (
        <div className="table" ref={scroller} role="table" aria-label={name} aria-rowcount={rows.total === undefined ? -1 : rows.total + 1} aria-busy={rows.isLoading} tabIndex={0} style={height ? { maxHeight: height } : undefined}>
          <div className="table-head" role="rowgroup">
            <div role="row" className="table-row" style={rowStyle}>
              {selection && (
                <div role="columnheader" className="table-check">
                  <Checkbox aria-label="Select what is shown" disabled={loaded.length === 0} checked={chosenHere === 0 ? false : chosenHere === loaded.length ? true : "mixed"}
                    onChange={(_, data) => onSelect?.(data.checked ? new Set([...(selection ?? []), ...loaded]) : new Set())} />
                </div>
              )}
              {visible.map((column) => {
                const isSorted = column.sort !== undefined && sort?.by === column.sort;
                return (
                  <div key={column.id} role="columnheader" className="table-cell" aria-sort={isSorted ? (sort.down ? "descending" : "ascending") : undefined}>
                    {column.sort && onSort ? (
                      <button type="button" className="sort" onClick={() => onSort(column.sort!, isSorted ? !sort.down : false)}>
                        {column.name}{isSorted && (sort.down ? <ArrowDownRegular aria-hidden /> : <ArrowUpRegular aria-hidden />)}
                      </button>
                    ) : column.name}
                  </div>
                );
              })}
            </div>
          </div>
          <div role="rowgroup" className="table-body" style={{ height: rows.isLoading ? rowHeight * 8 : virtual.getTotalSize() }}>
            {rows.isLoading && Array.from({ length: 8 }, (_, i) => (
              <div key={i} className="table-row table-waiting" style={{ transform: `translateY(${i * rowHeight}px)`, height: rowHeight }} role="row"><div role="cell" className="table-cell"><SkeletonItem size={16} /></div></div>
            ))}
            {shown.map(({ item, row }) => {
              const model = row === undefined ? undefined : modelRows[nextModel++];
              return (
                <div key={item.key} role="row" aria-rowindex={item.index + 2} aria-selected={model && selection ? selection.has(model.id) : undefined}
                  className="table-row" style={{ ...rowStyle, transform: `translateY(${item.start}px)`, height: rowHeight }}>
                  {model === undefined ? <div role="cell" className="table-cell"><SkeletonItem size={16} /></div> : (
                    <>
                      {selection && <div role="cell" className="table-check"><Checkbox aria-label={`Select row ${item.index + 1}`} checked={selection.has(model.id)} onChange={(_, data) => toggle(model.id, data.checked === true)} /></div>}
                      {model.getVisibleCells().map((cell) => <div key={cell.id} role="cell" className="table-cell">{flexRender(cell.column.columnDef.cell, cell.getContext())}</div>)}
                    </>
                  )}
                </div>
              );
            })}
          </div>
        </div>
      )}
    </div>
  );
}

/** The least width of a row, of its columns' least widths, gaps and padding. */
function least(template: string): number {
  const tracks = template.match(/minmax\([^)]*\)|\S+/g) ?? [];
  return tracks.reduce((sum, track) => sum + Number(/\d+/.exec(track)?.[0] ?? 0), 28 + 12 * (tracks.length - 1));
}

/** Which columns are shown, kept by this browser. */
function useRemembered<T>(id: string | undefined, columns: Column<T>[]): [VisibilityState, (state: VisibilityState) => void] {
  const key = `fleet.columns.${id}`;
  const [state, setState] = useState<VisibilityState>(() => {
    const usual = Object.fromEntries(columns.map((column) => [column.id, !column.hidden]));
    try {
      return { ...usual, ...(id ? (JSON.parse(localStorage.getItem(key) ?? "{}") as VisibilityState) : {}) };
    } catch {
      return usual;
    }
  });
  return [state, (next) => {
    setState(next);
    if (id) localStorage.setItem(key, JSON.stringify(next));
  }];
}
