// What is known now: the newest value of every tag, and whether the engine and its data still come.
import { ApiError, get, list, listen, setLooksBack, type Row } from "./api";

export interface Reading {
  value: unknown;
  quality: string;
  time: number; // of the data, ms
  every: number; // between the last two values
}

export interface Sensor {
  tag: string;
  asset: string;
  unit: string;
}

export type Link = "connecting" | "live" | "silent" | "lost";

const FRESH = 5_000; // older is stale, unless the tag comes seldom by itself
const AGAIN = 2_000; // which outputs there are is asked
const LISTENED = 3; // nodes that cleanse; sources, where there are none

/** What is shown: the newest values, or those of the time that is looked back to. */
export const readings = new Map<string, Reading>();
const latest = new Map<string, Reading>();
export const sensors = new Map<string, Sensor>();

let link: Link = "connecting";
let lostAt = 0;
let why = "";
let newest = 0; // of all data
let skew = 0; // the engine's clock before ours
const watchers = new Set<() => void>();
const beats = new Set<() => void>();
const alarmListeners = new Set<() => void>();
let painting = false;
let past: number | null = null;

export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Whenever a round of values has come: unlike a timer it is not held back while nobody looks at the page. */
export function onBeat(listener: () => void): () => void {
  beats.add(listener);
  return () => beats.delete(listener);
}

/** Whenever an alarm has changed; nobody is called as long as `alarmsAreTold` says no. */
export function onAlarm(listener: () => void): () => void {
  alarmListeners.add(listener);
  return () => alarmListeners.delete(listener);
}

let told = false;
export function alarmsAreTold(): boolean {
  return told && link === "live";
}

export function paintSoon(): void {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => {
    painting = false;
    for (const watcher of watchers) watcher();
  });
}

/** Another time is shown, or (null) what is now. */
export function travel(time: number | null): void {
  past = time === null ? null : Math.min(time, clock());
  setLooksBack(past !== null);
  readings.clear();
  if (past === null) for (const [tag, reading] of latest) readings.set(tag, reading);
  else void readPast(past);
}

export function lookedAt(): number | null {
  return past;
}

/** The query that asks a list for that time. */
export function atQuery(separator: "?" | "&"): string {
  return past === null ? "" : `${separator}at=${new Date(past).toISOString()}`;
}

async function readPast(time: number): Promise<void> {
  const rows = await list(`/readings?at=${new Date(time).toISOString()}`, 20_000).catch(() => []);
  if (past !== time) return;
  for (const row of rows)
    readings.set(row.tag, {
      value: row.value,
      quality: row.quality,
      time: Date.parse(row.time),
      every: latest.get(row.tag)?.every ?? 0, // what comes seldom did so then
    });
  paintSoon();
}

export function connection(): { link: Link; since: number; why: string; newest: number } {
  const silent = link === "live" && newest > 0 && clock() - newest > FRESH;
  return { link: silent ? "silent" : link, since: lostAt, why, newest };
}

function clock(): number {
  return Date.now() + skew;
}

/** Now by the clock that stamps the data; or the time that is looked back to. */
export function engineNow(): number {
  return past ?? clock();
}

export function age(reading: Reading): number {
  return engineNow() - reading.time;
}

export function isStale(reading: Reading | undefined): boolean {
  return !reading || (link === "lost" && past === null) || age(reading) > Math.max(FRESH, 3 * reading.every);
}

/** "good", "uncertain", "bad"; what is old is "stale", whatever it was. */
export function standing(reading: Reading | undefined): "good" | "uncertain" | "bad" | "stale" | "none" {
  if (!reading) return "none";
  if (isStale(reading)) return "stale";
  const level = reading.quality.split("|")[0];
  return level === "good" || level === "uncertain" ? level : "bad";
}

function take(row: Row): void {
  const time = Date.parse(row.time);
  const before = latest.get(row.tag);
  if (before && before.time > time) return;
  const every = before && time > before.time ? time - before.time : (before?.every ?? 0);
  const reading = { value: row.value, quality: row.quality, time, every };
  latest.set(row.tag, reading);
  if (past === null) readings.set(row.tag, reading);
  if (time > newest) newest = time;
  if (!sensors.has(row.tag))
    sensors.set(row.tag, { tag: row.tag, asset: row.tag.slice(0, Math.max(0, row.tag.lastIndexOf("."))), unit: "" });
}

function setLink(next: Link, reason = ""): void {
  if (next === "lost" && link !== "lost") lostAt = Date.now();
  link = next;
  why = reason;
  paintSoon();
}

export async function loadSensors(): Promise<void> {
  for (const row of await list("/sensors", 20_000))
    sensors.set(row.tag, { tag: row.tag, asset: row.asset, unit: row.unit });
}

async function measureSkew(): Promise<void> {
  const asked = Date.now();
  const [figures] = await get("/kpis");
  const back = Date.now();
  // A hundredth of a second either way is the way there and back.
  if (figures) skew = Date.parse(figures.time) - (asked + back) / 2;
}

interface Outputs {
  samples: string[];
  alarms: string[];
}

/** The outputs that carry what was cleansed (without such a node, what the sources tell), and those of alarms. */
async function findOutputs(): Promise<Outputs> {
  const [streams, nodes] = await Promise.all([list("/streams"), list("/nodes")]);
  const ops = new Map(nodes.map((node) => [node.node as string, node.op as string]));
  const samples = streams.filter((one) => one.kind === "samples" && one.output.endsWith(".out"));
  const cleansed = samples.filter((one) => ops.get(one.node) === "cleanse");
  const sources = samples.filter((one) => ops.get(one.node)?.startsWith("source."));
  return {
    samples: (cleansed.length ? cleansed : sources).slice(-LISTENED).map((one) => one.output),
    alarms: streams
      .filter((one) => ops.get(one.node) === "alarms")
      .slice(0, LISTENED)
      .map((one) => one.output),
  };
}

/** One connection for all of them: a browser has six for a host, and the engine as many listeners as pages. */
function follow(outputs: Outputs, signal: AbortSignal): void {
  const all = [...outputs.samples, ...outputs.alarms];
  const alarms = new Set(outputs.alarms);
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  told = alarms.size > 0;
  void listen(
    `/streams/${all.map(encodeURIComponent).join(",")}?every=500ms`,
    {
      row: (row, output) => {
        if (alarms.has(output || all[0]!)) for (const listener of alarmListeners) listener();
        else take(row);
      },
      event: (name) => {
        if (name !== "pass") return;
        paintSoon();
        for (const beat of beats) beat();
      },
      alive: () => {
        if (link !== "live") setLink("live");
      },
      lost: (error) => {
        setLink(
          "lost",
          error instanceof Error && error.name !== "AbortError" ? error.message : "Nothing was heard for 20 s.",
        );
        // Another graph runs, which has other outputs.
        if (!(error instanceof ApiError) || error.status !== 404) return;
        stop();
        signal.removeEventListener("abort", stop);
        setTimeout(() => void begin(signal), AGAIN);
      },
    },
    attempt.signal,
  );
}

async function begin(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const [outputs] = await Promise.all([findOutputs(), loadSensors(), measureSkew()]);
      if (outputs.samples.length + outputs.alarms.length) follow(outputs, signal);
      else setLink("live");
      return;
    } catch (error) {
      setLink("lost", error instanceof Error ? error.message : "");
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

export function start(signal: AbortSignal): void {
  past = null;
  setLooksBack(false);
  readings.clear();
  latest.clear();
  sensors.clear();
  told = false;
  newest = 0;
  setLink("connecting");
  void begin(signal);
  const timers = [
    setInterval(paintSoon, 1000),
    setInterval(() => void measureSkew().catch(() => {}), 30_000),
    setInterval(() => void loadSensors().catch(() => {}), 60_000),
  ];
  signal.addEventListener("abort", () => timers.forEach(clearInterval));
}
