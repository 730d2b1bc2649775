// What changed, under a trend: limits, overrides, moves, versions of graphs and models, and what happened to an asset.
import { list, part, type Row } from "./api";
import { h, setText } from "./dom";
import { findingText } from "./finding";
import { moment, withUnit } from "./format";
import { sensors } from "./live";

export interface Mark {
  time: number; // ms
  kind: "alarm" | "change";
}

interface Entry extends Mark {
  text: string;
}

const MOST = 50;
const EVENTS = 1000;

/** Kinds that are no words. */
const kinds: Record<string, string> = { "alarm.unacknowledged": "alarm raised" };

/** Of what was written: the alarm's own words, or its kind. */
function eventText(row: Row): string {
  const body: Row = row.body ?? {};
  const model = body.model && body.hash && `${body.model} ${String(body.hash).slice(0, 8)}`;
  const said = body.message || (body.explanation && findingText(body)) || body.what || body.reason;
  const point = row.kind.startsWith("guard.") && row.tag && typeof body.value === "number";
  const value = point && `${row.tag}: ${withUnit(body.value, sensors.get(row.tag)?.unit ?? "")}`;
  return [kinds[row.kind] ?? String(row.kind).replaceAll(".", " "), value, said, model, body.user && `by ${body.user}`]
    .filter(Boolean)
    .join(", ");
}

function changeText(row: Row): string {
  const from = row.from && row.from !== "nan" ? `${row.from} → ` : "";
  const to = row.to ? from + row.to : row.action === "move" ? `${from}withdrawn` : "";
  return [row.action, row.object, to, row.user && `by ${row.user}`, row.reason].filter(Boolean).join(" · ");
}

function graphText(row: Row): string {
  return `graph ${String(row.hash).slice(0, 8)} · ${[row.how, row.what].filter(Boolean).join(" ")} by ${row.by}`;
}

/** A rule's event says the same as its alarm, a twin's state nothing new; what two nodes keep is told once. */
function ofInterest(events: Row[]): Row[] {
  const once = new Map(events.map((row) => [row.id, row]));
  return [...once.values()].filter((row) => !/^rule\.|^twin\.state$/.test(row.kind));
}

async function read(asset: string, from: number, to: number): Promise<Entry[]> {
  const between = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
  const whole = asset === ""; // of the plant what people do is enough
  const events = asset.includes(".") ? `{${asset},${asset}.*}` : asset; // of a line not those of all its pots
  const [happened, changes, graphs] = await Promise.all([
    whole ? [] : list(`/events?tag=${part(events)}&${between}`, EVENTS),
    list(`/changes?${whole ? "" : `asset=${part(asset)}&`}${between}`, EVENTS),
    list("/graphs", EVENTS),
  ]);
  const entry = (kind: Mark["kind"], text: (row: Row) => string) => (row: Row) => ({
    time: Date.parse(row.time),
    kind,
    text: text(row),
  });
  const ran = graphs.map(entry("change", graphText)).filter(({ time }) => time >= from && time < to);
  // Who applied a graph is in its history too.
  const acts = changes.filter((row) => !/^graph /.test(row.action)).map(entry("change", changeText));
  return [...ofInterest(happened).map(entry("alarm", eventText)), ...acts, ...ran].sort((a, b) => b.time - a.time);
}

export interface Band {
  element: HTMLElement;
  /** The newest range that was asked for is shown; the marks are for who draws. */
  show(from: number, to: number): Promise<Mark[] | null>;
}

/** `asset` "": the plant. */
export function changeBand(asset: string): Band {
  const items = h("ol", { class: "changes", tabindex: "0", "aria-label": "What changed" });
  let asked = 0;
  return {
    element: h("details", { open: true }, h("summary", {}, "What changed"), items),
    async show(from, to) {
      const mine = ++asked;
      const found = await read(asset, from, to).catch((error: Error) => error);
      if (mine !== asked) return null;
      if (found instanceof Error) {
        items.replaceChildren(h("li", {}, `What changed could not be read: ${found.message}`));
        return [];
      }
      const shown = found.slice(0, MOST).map(({ time, text }) => {
        const when = h("time", { datetime: new Date(time).toISOString() });
        setText(when, moment(time));
        return h("li", {}, when, " ", text);
      });
      if (found.length > MOST) shown.push(h("li", {}, `… and ${found.length - MOST} more.`));
      if (shown.length === 0) shown.push(h("li", {}, "Nothing in this range."));
      // What is read or scrolled stays where nothing is new.
      if (shown.map((one) => one.textContent).join() !== [...items.children].map((one) => one.textContent).join())
        items.replaceChildren(...shown);
      return found;
    },
  };
}
