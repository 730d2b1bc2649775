// Lines and pots as the tags name them, and what is abnormal about each: alarms, overrides, set points that wait.
import { list, type Row } from "./api";
import {
  alarmsAreTold,
  atQuery,
  connection,
  lookedAt,
  onAlarm,
  onBeat,
  paintSoon,
  readings,
  sensors,
  standing,
} from "./live";

export type Priority = "critical" | "high" | "medium" | "low";
export const priorities: Priority[] = ["critical", "high", "medium", "low"];

export let alarms: Row[] = [];
/** Those of now, whatever time is shown: new ones are told in any case. */
export let currentAlarms: Row[] = [];
export let overrides: Row[] = [];
export let setpoints: Row[] = [];
export let loaded = false; // of the time that is shown
let heard = false; // of alarms, as they are now
export let guarded = false; // the running graph has a guard: there is something to override

const SOON = 300, // behind an alarm's change, so that a burst is one question
  ALARMS = 900, // between questions, ms: while nothing tells of alarms
  POLL = 3_000;
const attention = new Set([
  "unacknowledged",
  "acknowledged",
  "returned",
  "latched-unacknowledged",
  "latched-acknowledged",
]);
const unseen = new Set(["unacknowledged", "returned", "latched-unacknowledged"]);
const raisedListeners = new Set<(alarm: Row) => void>();

export function needsAttention(alarm: Row): boolean {
  return attention.has(alarm.state);
}

export function isUnseen(alarm: Row): boolean {
  return unseen.has(alarm.state);
}

export function tagOf(alarm: Row): string {
  return String(alarm.alarm).slice(String(alarm.alarm).indexOf("@") + 1);
}

export function assetOf(tag: string): string {
  return sensors.get(tag)?.asset ?? (sensors.has(tag) || !tag.includes(".") ? tag : tag.slice(0, tag.lastIndexOf(".")));
}

// ---- Lines and pots ----

export interface Line {
  name: string;
  pots: string[]; // assets
}

/** What a twin and key figures tell of a pot is no pot. */
const told = /\.(twin|kpi)(\.|$)/;

export function lines(): Line[] {
  const found = new Map<string, Set<string>>();
  for (const { asset } of sensors.values()) {
    if (told.test(asset)) continue;
    const dot = asset.indexOf(".");
    const name = dot < 0 ? asset : asset.slice(0, dot);
    if (!name) continue;
    if (!found.has(name)) found.set(name, new Set());
    if (dot > 0) found.get(name)!.add(asset);
  }
  const inOrder = (a: string, b: string) => a.localeCompare(b, undefined, { numeric: true });
  return [...found]
    .map(([name, pots]) => ({ name, pots: [...pots].sort(inOrder) }))
    .sort((a, b) => inOrder(a.name, b.name));
}

/** Not those that are assets themselves, of which a twin tells fields. */
export function tagsOf(asset: string): string[] {
  const assets = new Set([...sensors.values()].map((sensor) => sensor.asset));
  return [...sensors.values()]
    .filter((sensor) => sensor.asset === asset && !assets.has(sensor.tag))
    .map((sensor) => sensor.tag);
}

/** "line1.pot07" as people say it. */
export function title(asset: string): string {
  return asset
    .split(".")
    .map((word) => word.replace(/^([a-z]+)0*(\d+)$/i, "$1 $2"))
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join(", ");
}

export function covers(scope: string, asset: string): boolean {
  return scope === "ALL" || scope === asset || asset.startsWith(scope + ".") || scope.startsWith(asset + ".");
}

export interface PotState {
  alarm: Row | null; // the worst
  count: number;
  unseen: boolean;
  bad: number;
  stale: boolean;
  overridden: boolean;
  waits: number;
}

export function potState(asset: string, tags: string[]): PotState {
  const own = alarms.filter((alarm) => needsAttention(alarm) && assetOf(tagOf(alarm)) === asset);
  const standings = tags.map((tag) => standing(readings.get(tag)));
  const known = standings.filter((one) => one !== "none");
  return {
    alarm: own[0] ?? null, // the engine lists the most urgent first
    count: own.length,
    unseen: own.some(isUnseen),
    bad: standings.filter((one) => one === "bad").length,
    stale: connection().link !== "connecting" && (known.length === 0 || known.every((one) => one === "stale")),
    overridden: overrides.some((one) => covers(one.scope, asset)),
    waits: setpoints.filter((one) => one.state === "waits" && assetOf(one.tag) === asset).length,
  };
}

// ---- Keeping up ----

async function loadAlarms(): Promise<void> {
  const before = new Set(currentAlarms.filter(isUnseen).map((alarm) => alarm.alarm));
  const next = await list("/alarms?state=all");
  const fresh = heard ? next.filter((alarm) => alarm.state === "unacknowledged" && !before.has(alarm.alarm)) : [];
  currentAlarms = next;
  heard = true;
  if (lookedAt() === null) alarms = next;
  for (const alarm of fresh) for (const listener of raisedListeners) listener(alarm);
}

export function onRaised(listener: (alarm: Row) => void): () => void {
  raisedListeners.add(listener);
  return () => raisedListeners.delete(listener);
}

/** A graph without guard or alarms has none of them, which is no fault. */
async function loadQuietly(path: string): Promise<Row[]> {
  return list(path).catch((error) => {
    if (error.status === 404 || error.status === 409 || error.status === 501) return [];
    throw error;
  });
}

/** As the engine lists them. */
function byUrgency(a: Row, b: Row): number {
  const rank = (alarm: Row) => 2 * priorities.indexOf(alarm.priority) + (isUnseen(alarm) ? 0 : 1);
  return rank(a) - rank(b) || Date.parse(b.raised) - Date.parse(a.raised);
}

/** Another time is shown: of another one nothing stays, also when that time cannot be read. */
export function forget(): void {
  alarms = lookedAt() === null ? currentAlarms : [];
  overrides = setpoints = [];
  loaded = false;
}

/** Now, after something was changed here. */
export async function refresh(): Promise<void> {
  try {
    const at = lookedAt();
    const [, then, nextOverrides, nextSetpoints] = await Promise.all([
      loadAlarms(),
      at === null ? null : list(`/alarms?state=all${atQuery("&")}`),
      loadQuietly(`/overrides${atQuery("?")}`),
      loadQuietly(`/setpoints${atQuery("?")}`),
    ]);
    if (at !== lookedAt()) return;
    if (then) alarms = then.sort(byUrgency);
    overrides = nextOverrides;
    setpoints = nextSetpoints;
    loaded = true;
  } catch {
    // The stream tells that the connection is lost; what was known stays, marked as old.
  }
  paintSoon();
}

/** One round at a time: alarms when the engine tells that one has changed, the rest now and then. */
function keeper(): { keep: () => void; changed: () => void } {
  let asked = 0,
    whole = 0,
    busy = false,
    dirty = true;
  const keep = () => {
    const now = Date.now();
    const all = lookedAt() === null && now - whole >= POLL;
    const due = dirty ? SOON : alarmsAreTold() ? POLL : ALARMS;
    if (busy || (now - asked < due && !all)) return;
    busy = true;
    dirty = false;
    asked = now;
    if (all) whole = now;
    const round = all ? refresh() : loadAlarms().then(paintSoon, () => {});
    void round.finally(() => (busy = false));
  };
  return { keep, changed: () => void ((dirty = true), setTimeout(keep, SOON)) };
}

async function loadNodes(): Promise<void> {
  guarded = (await list("/nodes")).some((node) => node.op === "guard");
  paintSoon();
}

export function start(signal: AbortSignal): void {
  alarms = currentAlarms = overrides = setpoints = [];
  loaded = heard = false;
  const { keep, changed } = keeper(),
    nodes = () => void loadNodes().catch(() => {});
  const unbeat = onBeat(keep),
    unalarm = onAlarm(changed),
    timer = setInterval(keep, ALARMS),
    slow = setInterval(nodes, 30_000);
  keep();
  nodes();
  signal.addEventListener("abort", () => {
    unbeat();
    unalarm();
    clearInterval(timer);
    clearInterval(slow);
  });
}
