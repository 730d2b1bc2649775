// History of a tag as points of a chart: samples for short ranges; long ones the engine makes fit the screen.
import { list, part } from "./api";

export interface History {
  time: number[]; // s
  good: (number | null)[];
  doubtful: (number | null)[]; // of bad or uncertain quality
  low: (number | null)[];
  high: (number | null)[];
  /** "samples", or how long a part of the range is, ms */
  step: number | "samples";
}

const SAMPLES = 1000; // more would not be seen
const ROWS = 6000;
const PARTS = 600;

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

async function parts(tag: string, from: number, to: number): Promise<History> {
  const rows = await list(`/sensors/${part(tag)}/trend?${range(from, to)}&points=${PARTS}`);
  const step = (to - from) / PARTS;
  const history = empty(step);
  let end = NaN;
  for (const row of rows) {
    const start = Date.parse(row.start);
    if (start - end > 2 * step) addPoint(history, end + step / 2, null, "good"); // nothing came: a gap, no line
    end = Date.parse(row.end);
    addPoint(history, (start + end) / 2, row.mean, row.count > 0 ? "good" : "bad", row.min, row.max);
  }
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
  return (to - from) / Math.max(every, 200) > SAMPLES ? parts(tag, from, to) : samples(tag, from, to);
}
