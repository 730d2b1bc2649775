// Key figures of lines and the plant: so far, in the period before, and what is aimed at.
import { list, type Row } from "../api";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { moment, number, quality } from "../format";
import { atQuery, lookedAt } from "../live";
import { title } from "../plant";
import { SHOWN, figureText } from "./figures";
import { kpiTrends } from "./kpi_trends";

const EVERY = 5_000;
const AGAIN = 60_000; // between drawings of the same trends, ms
const TOO_EARLY = "too early";
const TOLERATED = 0.01; // of the target

const periods: [string, string, string, string][] = [
  ["hour", "Hour", "This hour so far", "The hour before"],
  ["shift", "Shift", "This shift so far", "The shift before"],
  ["day", "Day", "Today so far", "Yesterday"],
];

const HOUR = 3_600_000;

/** Seconds after a period's begin its figures say nothing: an hour of data has to be there, of an hour a quarter. */
function markEarly(rows: Row[]): Row[] {
  const covered = rows.filter((row) => row.figure === "covered" && row.from);
  const early = covered.filter(
    (row) =>
      Number(row.value) * (Date.parse(row.to) - Date.parse(row.from)) < (row.period === "hour" ? HOUR / 4 : HOUR),
  );
  const assets = new Set(early.map((row) => row.asset));
  return rows.map((row) => (assets.has(row.asset) && row.figure in SHOWN ? { ...row, value: null, early: true } : row));
}

function difference(value: number, other: number): string {
  const share = (100 * (value - other)) / Math.abs(other);
  if (!Number.isFinite(share)) return "";
  return Math.abs(share) > 999 ? "> 999 %" : `${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(1)} %`;
}

/** Than its target, by more than what is nothing, and known well enough. */
function isWorse(row: Row): boolean {
  const sign = SHOWN[row.figure]!.less ? 1 : -1;
  return (
    row.quality === "good" &&
    row.value !== null &&
    row.target !== null &&
    sign * (row.value - row.target) > TOLERATED * row.target
  );
}

function figureRow(): Part<Row> {
  const name = h("th", { scope: "row" }),
    value = h("span", { class: "value" }),
    early = h("span", { class: "hint" }),
    before = h("span"),
    change = h("span", { class: "hint" }),
    target = h("span"),
    off = h("span", { class: "off" });
  return {
    element: h(
      "tr",
      {},
      name,
      cell("So far", value, " ", early),
      cell("Before", before, change),
      cell("Target", target, off),
    ),
    update(row) {
      const { label, unit } = SHOWN[row.figure]!,
        good = row.value !== null && row.quality === "good";
      setText(name, `${label}, ${unit}`);
      setText(value, figureText(row.figure, row.value));
      setAttribute(value, "data-standing", row.value === null || good ? null : "uncertain");
      setAttribute(value, "title", good || row.early ? null : quality(row.quality));
      setText(before, figureText(row.figure, row.before));
      setText(early, row.early ? TOO_EARLY : "");
      setText(change, !good || row.before === null ? "" : difference(row.value, row.before));
      setText(target, row.target === null ? "–" : figureText(row.figure, row.target));
      setText(off, isWorse(row) ? `✕ ${difference(row.value, row.target)}` : "");
    },
  };
}

function todayPart(): Part<Row> {
  const name = h("dt"),
    value = h("dd", { class: "value" }),
    off = h("dd", { class: "hint" });
  return {
    element: h("div", {}, name, value, off),
    update(row) {
      const { label, unit } = SHOWN[row.figure]!;
      setText(name, label);
      setText(value, figureText(row.figure, row.value));
      setAttribute(value, "data-unit", row.early ? null : unit.replace("per ", "/"));
      setAttribute(value, "data-standing", row.value === null || row.quality === "good" ? null : "uncertain");
      setText(
        off,
        row.early
          ? TOO_EARLY
          : row.target === null
            ? ""
            : `target ${figureText(row.figure, row.target)}${isWorse(row) ? " ✕" : ""}`,
      );
      setAttribute(off, "data-standing", isWorse(row) ? "bad" : null);
    },
  };
}

interface Asset {
  name: string;
  rows: Row[];
  metal: number; // t
}

/** What was really used for the metal that was made, against what it would have been: measured, not foreseen. */
function savedText(rows: Row[], metal: number): string {
  const energy = rows.find((row) => row.figure === "kwh_per_t");
  if (!energy || energy.value === null || !(metal > 0)) return "";
  const made = `${number(metal, "t")} t of metal`;
  if (energy.quality !== "good") return `${made}, as far as is known.`;
  const against = (other: number | null, what: string) => {
    if (other === null) return [];
    const saved = ((other - energy.value) * metal) / 1000;
    return [`${number(Math.abs(saved), "MWh")} MWh ${saved < 0 ? "more" : "less"} than ${what}`];
  };
  const told = [...against(energy.before, "at the energy by tonne before"), ...against(energy.target, "at its target")];
  return `${made}${told.length ? `; measured, that is ${told.join(", and ")}` : ""}.`;
}

const metalOf = (rows: Row[], asset: string): number =>
  Number(rows.find((row) => row.asset === asset && row.figure === "production")?.value ?? 0) / 1000;

function assetPart(): Part<Asset> {
  const heading = h("h3"),
    saved = h("p", { class: "hint" }),
    { element, body } = table("Key figures", ["Figure", "So far", "Before", "Target"], { class: "production cards" });
  const put = keyed<Row>(body, (row) => row.figure, figureRow);
  return {
    element: h("section", {}, heading, h("div", { class: "scroll" }, element), saved),
    update({ name, rows, metal }) {
      setText(saved, savedText(rows, metal));
      setText(heading, title(name));
      put(rows);
    },
  };
}

/** Of a time that has passed, the period that ended last; its figures are kept as tags. */
async function past(period: string): Promise<Row[]> {
  const within = { hour: "1h", shift: "24h", day: "25h" }[period];
  const tags = `*.kpi.${period}.{${Object.keys(SHOWN).join(",")}}`;
  const rows = await list(
    `/readings?zone=gold&within=${within}&tags=${encodeURIComponent(tags)}${atQuery("&")}`,
    20_000,
  );
  return rows.map((row) => {
    const [asset, rest] = String(row.tag).split(".kpi.");
    return {
      asset,
      figure: rest!.split(".")[1],
      value: row.value,
      quality: row.quality,
      before: null,
      target: null,
      to: row.time,
    };
  });
}

/** What is aimed at now: of a time that has passed there is nothing else to hold it against. */
async function targetsOf(period: string): Promise<Row[]> {
  return lookedAt() === null ? [] : list(`/kpis/production?period=${period}`, 50_000).catch(() => []);
}

/** Now and then, until it is closed; what cannot be read is told by the shell. */
function repeat(read: () => Promise<void>): () => void {
  const again = () => void read().catch(() => {});
  const timer = setInterval(again, EVERY);
  again();
  return () => clearInterval(timer);
}

async function ofAsset(asset: string, period: string): Promise<Row[]> {
  const all =
    lookedAt() === null
      ? markEarly(await list(`/kpis/production?asset=${encodeURIComponent(asset)}&period=${period}`, 1000))
      : (await past(period)).filter((row) => row.asset === asset);
  return all.filter((row) => row.asset === asset);
}

/** The day's figures of a pot or a line; hidden where no node kpi tells of it. */
export function assetFigures(asset: string): { element: HTMLElement; close(): void } {
  const told = assetPart(),
    since = h("p", { class: "hint" });
  const element = h("section", { hidden: true, class: "own-figures" }, h("h2", {}, "Key figures"), since, told.element);
  const close = repeat(async () => {
    const rows = await ofAsset(asset, "day"),
      head = rows[0];
    told.update({ name: asset, rows: rows.filter((row) => row.figure in SHOWN), metal: metalOf(rows, asset) });
    element.hidden = !head;
    if (head)
      setText(
        since,
        head.from
          ? `Today so far: ${moment(head.from)} to ${moment(head.to)}. Before: yesterday.`
          : `The day that ended at ${moment(head.to)}.`,
      );
  });
  return { element, close };
}

/** The plant's day in five figures, beside the map. */
export function plantFigures(): { element: HTMLElement; close(): void } {
  const figures = h("dl", { class: "today" }),
    since = h("p", { class: "hint" }, "…");
  const put = keyed<Row>(figures, (row) => row.figure, todayPart);
  const element = h(
    "aside",
    { "aria-label": "The plant today", class: "today-box" },
    h("h2", {}, "Today"),
    figures,
    since,
    h("p", {}, h("a", { href: "#/kpis" }, "All KPIs")),
  );
  const close = repeat(async () => {
    const all = await ofAsset("plant", "day"),
      rows = Object.keys(SHOWN).flatMap((figure) => all.filter((row) => row.figure === figure));
    put(rows);
    const head = rows[0];
    setText(
      since,
      !head
        ? lookedAt() === null
          ? "No key figures are told."
          : "No day had ended by then whose figures are kept."
        : head.from
          ? `The plant since ${moment(head.from)}, to ${moment(head.to)}.`
          : `The plant in the day that ended at ${moment(head.to)}.`,
    );
  });
  return { element, close };
}

export function production(): { element: HTMLElement; read(): Promise<void>; close(): void } {
  let period = "day",
    drawn = "", // which trends are
    drawnAt = 0;
  const trends = kpiTrends();
  const which = h("select", { "aria-label": "Over time: of what", onchange: () => void read().catch(() => {}) });
  const element = h("div", { class: "cards-of-lines" });
  const put = keyed<Asset>(element, (asset) => asset.name, assetPart);
  const none = h("p", { class: "summary" }, "…"),
    span = h("p", { class: "hint" });
  const buttons = periods.map(([name, label]) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          period = name;
          void read().catch(() => {});
        },
      },
      label,
    ),
  );

  async function read(): Promise<void> {
    const asked = period;
    const answer =
      lookedAt() === null ? markEarly(await list(`/kpis/production?period=${period}`, 50_000)) : await past(period);
    if (asked !== period) return;
    const rows = answer.filter((row) => row.figure in SHOWN && !String(row.asset).includes("."));
    rows.sort((a, b) => Number(b.asset === "plant") - Number(a.asset === "plant"));
    const names = [...new Set(rows.map((row) => String(row.asset)))];
    put(names.map((name) => ({ name, rows: rows.filter((row) => row.asset === name), metal: metalOf(answer, name) })));
    void drawTrends(names, answer);
    element.hidden = rows.length === 0;
    for (const [i, [name]] of periods.entries()) setAttribute(buttons[i]!, "aria-pressed", String(name === period));
    const [, , now, before] = periods.find(([name]) => name === period)!;
    const head = rows[0];
    setText(
      span,
      !head
        ? ""
        : lookedAt() === null
          ? `${now}: ${moment(head.from)} to ${moment(head.to)}. Before: ${before.toLowerCase()}. ? is uncertain: too little of the time is covered, or the metal is not known well enough. Too early: there is less than ${period === "hour" ? "a quarter of an hour" : "an hour"} of data.`
          : `The ${period} that ended at ${moment(head.to)}.`,
    );
    setText(
      none,
      rows.length > 0
        ? ""
        : lookedAt() === null
          ? `There are no key figures by ${period}: the running graph has no node kpi that tells them, or it has heard nothing yet.`
          : `There is no ${period} that had ended by then whose figures are kept.`,
    );
  }
  /** When another is asked for, and when a period may have ended. */
  async function drawTrends(names: string[], answer: Row[]): Promise<void> {
    const chosen = which.value;
    if (names.join() !== [...which.options].map((option) => option.value).join()) {
      which.replaceChildren(...names.map((name) => h("option", { value: name }, title(name))));
      if (names.includes(chosen)) which.value = chosen;
    }
    over.hidden = names.length === 0;
    const now = `${which.value} ${period} ${lookedAt()}`;
    if (names.length === 0 || (now === drawn && Date.now() - drawnAt < AGAIN)) return;
    drawn = now;
    drawnAt = Date.now();
    const told = lookedAt() === null ? answer : await targetsOf(period);
    const targets = told.filter((row) => row.asset === which.value && row.target !== null);
    await trends
      .show(which.value, period, new Map(targets.map((row) => [row.figure, row.target])))
      .catch((error) => setText(fault, error.message));
  }

  const fault = h("p", { class: "fault", role: "alert" }),
    over = h("div", { hidden: true }, h("label", { class: "over" }, "Over time: ", which), fault, trends.element);
  return {
    element: h(
      "section",
      {},
      h("h2", {}, "Key figures"),
      h("div", { class: "tools", role: "group", "aria-label": "Over what" }, buttons),
      none,
      span,
      element,
      over,
    ),
    read,
    close: () => trends.close(),
  };
}
