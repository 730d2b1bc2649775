// History of a tag as points of a chart: samples for short ranges, the engine's windows (which are coarser) for long ones.
import { list, part, type Row } from "./api";

export interface History {
  time: number[]; // s
  good: (number | null)[];
  doubtful: (number | null)[]; // of bad or uncertain quality
  low: (number | null)[];
  high: (number | null)[];
  /** "samples", or how long a window is, ms */
  step: number | "samples";
}

const SAMPLES = 1000; // more would not be seen
const ROWS = 6000;

function empty(step: History["step"]): History {
  return { time: [], good: [], doubtful: [], low: [], high: [], step };
}

export function addPoint(
  history: History,
  time: number,
  value: unknown,
  quality: string,
  low: number | null = null,
  high: number | null = null,
): void {
  const is = typeof value === "number" ? value : null;
  const good = quality.startsWith("good");
  history.time.push(time / 1000);
  history.good.push(good ? is : null);
  history.doubtful.push(good ? null : is);
  history.low.push(low);
  history.high.push(high);
}

function range(from: number, to: number): string {
  return `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
}

function width(row: Row): number {
  return Date.parse(row.end) - Date.parse(row.start);
}

/** The coarsest windows that still give some hundred points; else the finest there are. */
function choose(rows: Row[], span: number): number {
  const widths = [...new Set(rows.map(width))].sort((a, b) => b - a);
  return widths.find((one) => span / one >= 300) ?? widths.at(-1) ?? 0;
}

async function windows(tag: string, from: number, to: number): Promise<History | null> {
  const rows = await list(`/windows/${part(tag)}?${range(from, to)}`, ROWS);
  if (rows.length === 0) return null;
  const step = choose(rows, to - from);
  const history = empty(step);
  const fit = rows.filter((row) => width(row) === step).sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
  for (const row of fit) addPoint(history, Date.parse(row.start) + step / 2, row.mean, row.quality, row.min, row.max);
  return history;
}

async function samples(tag: string, from: number, to: number): Promise<History> {
  const history = empty("samples");
  for (const row of await list(`/sensors/${part(tag)}/samples?${range(from, to)}`, ROWS))
    addPoint(history, Date.parse(row.time), row.value, row.quality);
  return history;
}

/** `every`: how often the tag has a sample, ms. */
export async function load(tag: string, from: number, to: number, every: number): Promise<History> {
  if ((to - from) / Math.max(every, 200) > SAMPLES) {
    const found = await windows(tag, from, to);
    if (found) return found;
  }
  return samples(tag, from, to);
}
