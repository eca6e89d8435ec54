import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clockTime, grouped, localTime } from "./format";

interface Props {
  title: string;
  /** When the hours begin, in Unix seconds. */
  times: number[];
  series: { name: string; color: string; values: number[] }[];
  height?: number;
}

/** Half an hour, in seconds: bars stand in the middle of their hour. */
const half = 1_800;

/** Bars by hour, one series or two side by side. What a screen reader reads is the sum. */
export function Chart({ title, times, series, height = 160 }: Props) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = host.current!;
    const style = getComputedStyle(element);
    const ink = style.getPropertyValue("--colorNeutralForeground3") || "#666";
    const grid = style.getPropertyValue("--colorNeutralStroke2") || "#ddd";
    const axis: uPlot.Axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    const plot = new uPlot(
      {
        width: element.clientWidth || 300, height, legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } }, padding: [8, 8, 0, 0],
        scales: { x: { range: (_, first, last) => [first - half, last + half] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
        axes: [{ ...axis, size: 24, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => clockTime(tick * 1000)), space: 70 }, { ...axis, size: 46, space: 34, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? compact.format(tick) : "")) }],
        series: [{}, ...series.map((one, i) => {
          const color = style.getPropertyValue(one.color) || one.color;
          return { label: one.name, stroke: color, fill: color + "b0", width: 1, points: { show: false }, paths: uPlot.paths.bars!(series.length === 1 ? { size: [0.7, 40] } : { size: [0.4, 20], align: i === 0 ? -1 : 1 }) };
        })],
        hooks: { setCursor: [(self) => {
          const at = self.cursor.idx;
          element.title = at == null || times[at] === undefined ? "" : `${localTime(times[at] * 1000)}\n${series.map((one) => `${one.name}: ${grouped(one.values[at] ?? 0)}`).join("\n")}`;
        }] },
      },
      [times.map((time) => time + half), ...series.map((one) => one.values)],
      element,
    );
    const size = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    size.observe(element);
    return () => {
      size.disconnect();
      plot.destroy();
    };
  }, [times, series, height]);
  const sums = series.map((one) => `${one.name} ${grouped(one.values.reduce((sum, value) => sum + value, 0))}`).join(", ");
  return (
    <figure className="chart" aria-label={`${title}: ${sums}`}>
      <figcaption>{series.map((one) => <span key={one.name}><i style={{ background: `var(${one.color})` }} />{one.name} <strong>{grouped(one.values.reduce((sum, value) => sum + value, 0))}</strong></span>)}</figcaption>
      <div ref={host} style={{ height }} />
    </figure>
  );
}

const compact = new Intl.NumberFormat(undefined, { notation: "compact" });
