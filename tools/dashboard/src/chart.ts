// A trend: history from the engine, live values behind it, zoom and pan by mouse, finger and keyboard.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Mark } from "./changes";
import { h, setText } from "./dom";
import { moment, number, span, unitText } from "./format";
import { addPoint, load, type History } from "./history";
import { engineNow, lookedAt, readings, sensors } from "./live";

const SPANS: [string, number][] = [
  ["10 min", 600_000],
  ["1 h", 3_600_000],
  ["8 h", 28_800_000],
  ["24 h", 86_400_000],
  ["7 d", 604_800_000],
];
const LEAST = 10_000;
const HEIGHT = 260;
const HEARD = 10_000; // between tellings of a range that goes on, ms

export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Of an axis: seconds where they matter, the day where it begins. */
export function tick(time: number, step: number): string {
  const at = new Date(time * 1000),
    two = (n: number) => String(n).padStart(2, "0");
  if (step >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0))
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${two(at.getHours())}:${two(at.getMinutes())}${step < 60 ? `:${two(at.getSeconds())}` : ""}`;
}

/** What there is, with some room: a pot's voltage is not seen from 0 up. */
export function around(_: uPlot, least: number | null, most: number | null): uPlot.Range.MinMax {
  if (least === null || most === null) return [0, 1];
  const room = (most - least) * 0.1 || Math.abs(most) * 0.02 || 1;
  return [least - room, most + room];
}

/** A tooth below the trace where an alarm came or somebody changed something. */
export function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = plot,
    { min, max } = plot.scales.x!;
  ctx.save();
  for (const mark of marks) {
    const time = mark.time / 1000;
    if (time < min! || time > max!) continue;
    const x = plot.valToPos(time, "x", true),
      base = bbox.top + bbox.height,
      size = 6 * devicePixelRatio;
    ctx.fillStyle = color(mark.kind === "alarm" ? "--bad" : "--ink");
    ctx.beginPath();
    ctx.moveTo(x, base - 2 * size);
    ctx.lineTo(x - size / 1.5, base);
    ctx.lineTo(x + size / 1.5, base);
    ctx.fill();
  }
  ctx.restore();
}

/** What is not good and far off does not set the scale: it would press all else flat. It is told at the edge. */
function drawBeyond(plot: uPlot, series: number): void {
  const { ctx, bbox } = plot,
    { min, max } = plot.scales.y!,
    times = plot.data[0],
    values = plot.data[series] as (number | null | undefined)[];
  const size = 5 * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = color("--bad");
  for (const [i, value] of values.entries()) {
    if (value === null || value === undefined || (value >= min! && value <= max!)) continue;
    if (times[i]! < plot.scales.x!.min! || times[i]! > plot.scales.x!.max!) continue;
    const x = plot.valToPos(times[i]!, "x", true),
      up = value > max!,
      edge = up ? bbox.top : bbox.top + bbox.height,
      by = up ? size : -size;
    ctx.beginPath();
    ctx.moveTo(x, edge);
    ctx.lineTo(x - size / 1.5, edge + by);
    ctx.lineTo(x + size / 1.5, edge + by);
    ctx.fill();
  }
  ctx.restore();
}

export class Trend {
  readonly element: HTMLElement;
  private plot: uPlot | null = null;
  private history: History | null = null;
  private tag = "";
  private from = 0;
  private to = 0;
  private live = true;
  private newest = 0;
  private marks: Mark[] = [];
  private asked = 0;
  private rangedAt = 0;
  private readonly canvas = h("div", { class: "plot" });
  private readonly note = h("p", { class: "hint", "aria-live": "polite" });
  private readonly follow: HTMLButtonElement;
  private readonly spans: HTMLButtonElement[];
  private readonly observer: ResizeObserver;
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly redraw = () => this.draw();

  /** `ranged` hears of each new range, and now and then of one that goes on. */
  constructor(private readonly ranged: (from: number, to: number) => void = () => {}) {
    this.follow = h("button", { type: "button", onclick: () => this.goLive() }, lookedAt() === null ? "Live" : "Then");
    this.spans = SPANS.map(([name, ms]) =>
      h("button", { type: "button", "aria-pressed": "false", onclick: () => this.setSpan(ms) }, name),
    );
    const step = (label: string, text: string, act: () => void) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.element = h(
      "div",
      { class: "trend" },
      h(
        "div",
        { class: "tools", role: "group", "aria-label": "Range of time" },
        this.spans,
        step("Earlier", "←", () => this.pan(-0.5)),
        step("Later", "→", () => this.pan(0.5)),
        step("Zoom in", "+", () => this.zoom(0.5)),
        step("Zoom out", "−", () => this.zoom(2)),
        this.follow,
      ),
      this.canvas,
      this.note,
    );
    this.observer = new ResizeObserver(() => this.plot?.setSize({ width: this.canvas.clientWidth, height: HEIGHT }));
    this.observer.observe(this.canvas);
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.scheme.addEventListener("change", this.redraw);
    document.addEventListener("potline-theme", this.redraw);
    this.to = engineNow();
    this.from = this.to - SPANS[0]![1];
  }

  close(): void {
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.redraw);
    document.removeEventListener("potline-theme", this.redraw);
    this.plot?.destroy();
    this.plot = null;
  }

  /** `range` [from, to]: of what has passed; without one, what was shown goes on. */
  show(tag: string, range?: [number, number]): void {
    this.tag = tag;
    if (range) this.live = range[1] >= engineNow();
    if (range) this.setRange(...range);
    else void this.read();
  }

  setMarks(marks: Mark[]): void {
    this.marks = marks;
    this.plot?.redraw(false);
  }

  /** Goes on with what has come. */
  update(): void {
    const reading = readings.get(this.tag);
    if (lookedAt() !== null) return; // nothing comes
    if (!this.live || !this.history || this.history.step !== "samples") {
      if (this.live && this.history && engineNow() - this.to > (this.to - this.from) / 100) this.goLive();
      return;
    }
    const span = this.to - this.from;
    this.to = engineNow();
    this.from = this.to - span;
    if (reading && reading.time > this.newest) {
      this.newest = reading.time;
      addPoint(this.history, reading.time, reading.value, reading.quality);
    }
    this.put();
    if (Date.now() - this.rangedAt >= HEARD) this.tellRange();
  }

  private goLive(): void {
    const span = this.to - this.from;
    this.live = true;
    this.setRange(engineNow() - span, engineNow());
  }

  private setSpan(ms: number): void {
    const end = this.live ? engineNow() : this.to;
    this.setRange(end - ms, end);
  }

  private pan(share: number): void {
    const by = (this.to - this.from) * share;
    this.live = this.to + by >= engineNow();
    if (this.live) this.goLive();
    else this.setRange(this.from + by, this.to + by);
  }

  private zoom(factor: number): void {
    const span = Math.max(LEAST, (this.to - this.from) * factor);
    const end = this.live ? engineNow() : (this.from + this.to + span) / 2;
    this.setRange(end - span, end);
  }

  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.shiftKey) return; // the page scrolls
    event.preventDefault();
    if (event.shiftKey) this.pan(Math.sign(event.deltaY || event.deltaX) * 0.1);
    else this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
  }

  private setRange(from: number, to: number): void {
    this.from = from;
    this.to = Math.min(to, engineNow());
    void this.read();
  }

  private tellRange(): void {
    this.rangedAt = Date.now();
    this.ranged(this.from, this.to);
  }

  private async read(): Promise<void> {
    const asked = ++this.asked;
    const { tag, from, to } = this;
    const every = readings.get(tag)?.every || 1000;
    for (const [i, button] of this.spans.entries())
      button.setAttribute("aria-pressed", String(Math.abs(to - from - SPANS[i]![1]) < 1000));
    this.follow.setAttribute("aria-pressed", String(this.live));
    this.element.setAttribute("aria-busy", "true");
    try {
      const history = await load(tag, from, to, every);
      if (asked !== this.asked) return;
      this.history = history;
      this.newest = (history.time.at(-1) ?? 0) * 1000;
      this.draw();
      this.tellRange();
      const what =
        history.step === "samples" ? "every sample" : `means over ${span(history.step)}, with least and greatest`;
      setText(
        this.note,
        history.time.length
          ? `${history.time.length} points: ${what}. Drag to zoom, Shift and wheel to move.`
          : "There is nothing in this range.",
      );
    } catch (error) {
      if (asked === this.asked) setText(this.note, `The history could not be read: ${(error as Error).message}`);
    } finally {
      if (asked === this.asked) this.element.removeAttribute("aria-busy");
    }
  }

  private put(): void {
    const d = this.history!;
    this.plot?.setData([d.time, d.good, d.doubtful, d.low, d.high], false);
    this.plot?.setScale("x", { min: this.from / 1000, max: this.to / 1000 });
  }

  private draw(): void {
    if (!this.history) return;
    this.plot?.destroy();
    this.canvas.textContent = "";
    const unit = unitText(sensors.get(this.tag)?.unit ?? "");
    const ink = color("--ink"),
      grid = color("--line"),
      axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
    const windows = this.history.step !== "samples",
      someGood = this.history.good.some((one) => one !== null && one !== undefined);
    const value = (_: uPlot, v: number | null) => (v === null ? "–" : number(v, sensors.get(this.tag)?.unit));
    this.plot = new uPlot(
      {
        width: this.canvas.clientWidth || 600,
        height: HEIGHT,
        scales: { x: { time: true, range: () => [this.from / 1000, this.to / 1000] }, y: { range: around } },
        cursor: { drag: { x: true, y: false, setScale: false } },
        axes: [
          { ...axis, values: (_, times, __, ___, step) => times.map((time) => tick(time, step)), space: 70 },
          { ...axis, size: 56 },
        ],
        series: [
          { label: "Time", value: (_, v) => (v === null ? "–" : moment(v * 1000)) },
          {
            label: unit || "value",
            stroke: color("--trace"),
            width: 1.5,
            value,
            spanGaps: false,
            points: { show: false },
          },
          {
            label: "bad or uncertain",
            auto: !someGood,
            stroke: color("--bad"),
            width: 0,
            value,
            points: { show: true, size: 5, stroke: color("--bad"), fill: "transparent" },
          },
          ...["least", "greatest"].map((label) => ({
            label,
            show: windows,
            stroke: "transparent",
            value,
            points: { show: false },
          })),
        ],
        bands: [{ series: [4, 3], fill: color("--band") }],
        legend: { markers: { width: 0 } },
        hooks: {
          setSelect: [(plot) => this.selected(plot)],
          draw: [(plot) => drawMarks(plot, this.marks), (plot) => drawBeyond(plot, 2)],
        },
      },
      [this.history.time, this.history.good, this.history.doubtful, this.history.low, this.history.high],
      this.canvas,
    );
  }

  private selected(plot: uPlot): void {
    if (plot.select.width < 4) return;
    const from = plot.posToVal(plot.select.left, "x") * 1000,
      to = plot.posToVal(plot.select.left + plot.select.width, "x") * 1000;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.live = false;
    if (to - from >= LEAST / 5) this.setRange(from, to);
  }
}
