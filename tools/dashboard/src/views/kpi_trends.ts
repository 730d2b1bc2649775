// Key figures over time: a chart each, against what is aimed at and against the day (or the week) before.
import uPlot from "uplot";
import { list, part } from "../api";
import { changeBand, type Mark } from "../changes";
import { around, color, drawMarks, tick } from "../chart";
import { h, setText } from "../dom";
import { moment } from "../format";
import { engineNow } from "../live";
import { title } from "../plant";
import { SHOWN, figureText } from "./figures";

const HOUR = 3_600_000,
  DAY = 24 * HOUR;
const HEIGHT = 170;

/** How much is shown, how far back it is held against itself, and how fine times are told: a part of both. */
const spans: Record<string, { shown: number; before: number; step: number; told: string; ago: string }> = {
  hour: { shown: DAY, before: DAY, step: HOUR / 4, told: "the last 24 hours", ago: "the day before" },
  shift: { shown: 7 * DAY, before: DAY, step: HOUR / 4, told: "the last 7 days", ago: "the day before" },
  day: { shown: 31 * DAY, before: 7 * DAY, step: HOUR / 2, told: "the last 31 days", ago: "a week before" },
};

interface Points {
  time: number[]; // s, when the period ended
  value: number[];
}

/** Figures are told when their period has ended, as samples in gold. */
async function load(tag: string, from: number, to: number, step: number): Promise<Points> {
  const points = (to - from) / step;
  const range = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
  const rows = await list(`/sensors/${part(tag)}/trend?zone=gold&points=${points}&${range}`);
  const told = rows.filter((row) => row.mean !== null);
  return { time: told.map((row) => Date.parse(row.start) / 1000), value: told.map((row) => row.mean) };
}

/** Both on the times of either, as the chart wants them. */
function joined(now: Points, before: Points, target: number | null): uPlot.AlignedData {
  return uPlot.join([
    [now.time, now.value],
    [before.time, before.value],
    [now.time, now.time.map(() => target)],
  ]);
}

class FigureChart {
  readonly element: HTMLElement;
  private readonly canvas = h("div", { class: "plot small" });
  private readonly told = h("p", { class: "hint" });
  private readonly observer = new ResizeObserver(() =>
    this.plot?.setSize({ width: this.canvas.clientWidth, height: HEIGHT }),
  );
  private plot: uPlot | null = null;
  private data: uPlot.AlignedData | null = null;
  private range: [number, number] = [0, 1];
  private marks: Mark[] = [];
  private ago = "";

  constructor(private readonly figure: string) {
    const { label, unit } = SHOWN[figure]!;
    this.element = h("section", { class: "card" }, h("h3", {}, `${label}, ${unit}`), this.canvas, this.told);
    this.observer.observe(this.canvas);
  }

  close(): void {
    this.observer.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  hasPoints(): boolean {
    return (this.data?.[0].length ?? 0) > 0;
  }

  put(now: Points, before: Points, target: number | null, range: [number, number], ago: string): void {
    this.data = joined(now, before, target);
    this.range = range;
    this.ago = ago;
    const last = now.value.at(-1);
    setText(
      this.told,
      last === undefined
        ? "No period that has ended is kept."
        : `${figureText(this.figure, last)} in the one that ended at ${moment(now.time.at(-1)! * 1000)}${target === null ? "" : `; target ${figureText(this.figure, target)}`}.`,
    );
    this.draw();
  }

  setMarks(marks: Mark[]): void {
    this.marks = marks;
    this.plot?.redraw(false);
  }

  draw(): void {
    this.plot?.destroy();
    this.plot = null;
    this.canvas.textContent = "";
    if (!this.data?.[0].length) return; // a grid without anything in it says nothing
    const axis = {
      stroke: color("--ink"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { stroke: color("--line") },
    };
    const value = (_: uPlot, v: number | null) => (v === null ? "–" : figureText(this.figure, v));
    const trace = color("--trace"),
      past = color("--muted");
    const dots = (stroke: string) => ({ show: true, size: 5, stroke, fill: stroke });
    this.plot = new uPlot(
      {
        width: this.canvas.clientWidth || 300,
        height: HEIGHT,
        scales: { x: { time: true, range: () => this.range }, y: { range: around } },
        cursor: { drag: { x: false, y: false } },
        axes: [
          { ...axis, values: (_, times, __, ___, step) => times.map((time) => tick(time, step)), space: 80 },
          { ...axis, size: 60, space: 28, values: (_, ticks) => ticks.map((tick) => figureText(this.figure, tick)) },
        ],
        series: [
          { label: "ended", value: (_, v) => (v === null ? "–" : moment(v * 1000)) },
          { label: "value", stroke: trace, width: 2, value, spanGaps: true, points: dots(trace) },
          { label: this.ago, stroke: past, width: 1, dash: [2, 3], value, spanGaps: true, points: { show: false } },
          {
            label: "target",
            stroke: color("--ink"),
            width: 1,
            dash: [8, 4],
            value,
            spanGaps: true,
            points: { show: false },
          },
        ],
        hooks: { draw: [(plot) => drawMarks(plot, this.marks)] },
      },
      this.data,
      this.canvas,
    );
  }
}

export interface KpiTrends {
  element: HTMLElement;
  /** Of this asset and period, against these targets by figure. */
  show(asset: string, period: string, targets: Map<string, number>): Promise<void>;
  close(): void;
}

export function kpiTrends(): KpiTrends {
  const charts = new Map(Object.keys(SHOWN).map((figure) => [figure, new FigureChart(figure)]));
  const heading = h("h2", {}, "Over time"),
    none = h("p", { class: "summary" }, "…"),
    below = h("div");
  const grid = h(
    "div",
    { class: "cards-of-lines trends", hidden: true },
    [...charts.values()].map((chart) => chart.element),
  );
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => charts.forEach((chart) => chart.draw());
  scheme.addEventListener("change", redraw);
  document.addEventListener("potline-theme", redraw);
  let asked = 0,
    band: ReturnType<typeof changeBand> | null = null,
    of = "";

  function bandOf(asset: string): ReturnType<typeof changeBand> {
    if (!band || of !== asset) {
      of = asset;
      band = changeBand(asset === "plant" ? "" : asset);
      below.replaceChildren(band.element);
    }
    return band;
  }
  return {
    element: h("section", {}, heading, none, grid, below),
    async show(asset, period, targets) {
      const mine = ++asked,
        { shown, before, step, told, ago } = spans[period]!;
      const to = Math.ceil((engineNow() + 1) / step) * step,
        from = to - shown;
      setText(heading, `${title(asset)} by ${period}: ${told}, dotted ${ago}`);
      for (const [figure, chart] of charts) {
        const all = await load(`${asset}.kpi.${period}.${figure}`, from - before, to, step);
        if (mine !== asked) return;
        const since = all.time.findIndex((time) => time * 1000 >= from),
          at = since < 0 ? all.time.length : since;
        const now = { time: all.time.slice(at), value: all.value.slice(at) };
        const shifted = all.time.map((time) => time + before / 1000),
          within = shifted.filter((time) => time * 1000 <= to).length;
        const earlier = { time: shifted.slice(0, within), value: all.value.slice(0, within) };
        chart.put(now, earlier, targets.get(figure) ?? null, [from / 1000, to / 1000], ago);
      }
      const some = [...charts.values()].some((chart) => chart.hasPoints());
      grid.hidden = !some;
      setText(none, some ? "" : `No ${period} that has ended is kept.`);
      if (some) for (const chart of charts.values()) chart.draw(); // now that there is room
      const marks = await bandOf(asset).show(from, to);
      if (marks) for (const chart of charts.values()) chart.setMarks(marks);
    },
    close() {
      asked++;
      scheme.removeEventListener("change", redraw);
      document.removeEventListener("potline-theme", redraw);
      for (const chart of charts.values()) chart.close();
    },
  };
}
