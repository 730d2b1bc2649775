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
export let tickets: Row[] = []; // that are to be done
export let loaded = false; // of the time that is shown
let heard = false; // of alarms, as they are now
export let guarded = false; // the running graph has a guard: there is something to override

const SOON = 300, // behind an alarm's change, so that a burst is one question
  ALARMS = 900, // between questions, ms: while nothing tells of alarms
  POLL = 3_000,
  TICKETS_BACK = 31 * 86_400_000; // how far those of a time that has passed are looked for
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

/** Of what a detector speaks of: the asset itself, or, of single signals, a tag of it. */
export function assetOfSubject(subject: string): string {
  return sensors.get(subject)?.asset ?? subject;
}

export function placeOf(ticket: Row): string {
  return assetOfSubject(String(ticket.ticket).slice(String(ticket.ticket).indexOf("@") + 1));
}

export function ticketIsOpen(ticket: Row): boolean {
  return ticket.state === "open" || ticket.state === "assigned";
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

/** Null while no asset is known yet. */
export function isKnown(asset: string): boolean | null {
  if (sensors.size === 0) return null;
  return lines().some((line) => line.name === asset || line.pots.includes(asset)) || tagsOf(asset).length > 0;
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
  tickets: number;
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
    tickets: tickets.filter((one) => placeOf(one) === asset).length,
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

/** Of a time that has passed: the newest that was written of each ticket by then. */
async function pastTickets(at: number): Promise<Row[]> {
  const between = `from=${new Date(at - TICKETS_BACK).toISOString()}&to=${new Date(at + 1).toISOString()}`;
  const events = await list(`/events?kind=ticket.*&${between}`, 10_000);
  events.sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
  return [...new Map(events.map((row) => [row.body.ticket, row.body as Row])).values()];
}

/** Of the time that is shown. */
export async function readTickets(which: "to-do" | "all"): Promise<Row[]> {
  const at = lookedAt();
  if (at === null) return loadQuietly(`/tickets?state=${which}`);
  const all = await pastTickets(at);
  return which === "all" ? all : all.filter(ticketIsOpen);
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
  overrides = setpoints = tickets = [];
  loaded = false;
}

/** Now, after something was changed here. */
export async function refresh(): Promise<void> {
  try {
    const at = lookedAt();
    const [, then, nextOverrides, nextSetpoints, nextTickets] = await Promise.all([
      loadAlarms(),
      at === null ? null : list(`/alarms?state=all${atQuery("&")}`),
      loadQuietly(`/overrides${atQuery("?")}`),
      loadQuietly(`/setpoints${atQuery("?")}`),
      readTickets("to-do"),
    ]);
    if (at !== lookedAt()) return;
    if (then) alarms = then.sort(byUrgency);
    overrides = nextOverrides;
    setpoints = nextSetpoints;
    tickets = nextTickets;
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
  alarms = currentAlarms = overrides = setpoints = tickets = [];
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
