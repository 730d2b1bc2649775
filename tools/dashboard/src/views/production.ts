// Key figures of lines and the plant: so far, in the period before, and what is aimed at.
import { list, type Row } from "../api";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { moment, number, quality } from "../format";
import { atQuery, lookedAt } from "../live";
import { title } from "../plant";

const SHOWN: Record<string, { label: string; unit: string; less: boolean }> = {
  kwh_per_t: { label: "Energy", unit: "kWh/t", less: true },
  co2e: { label: "CO₂e", unit: "kg/t", less: true },
  throughput: { label: "Throughput", unit: "t/d", less: false },
  current_efficiency: { label: "Current efficiency", unit: "%", less: false },
  anode_effects: { label: "Anode effects", unit: "per pot-day", less: true },
};
const TOLERATED = 0.01; // of the target

const periods: [string, string, string, string][] = [
  ["hour", "Hour", "This hour so far", "The hour before"],
  ["shift", "Shift", "This shift so far", "The shift before"],
  ["day", "Day", "Today so far", "Yesterday"],
];

function places(figure: string, value: unknown): string {
  return number(value, { kwh_per_t: "kWh/t", co2e: "kW", current_efficiency: "%", throughput: "%" }[figure] ?? "");
}

function difference(value: number, other: number): string {
  const share = (100 * (value - other)) / Math.abs(other);
  if (!Number.isFinite(share)) return "";
  return Math.abs(share) > 999 ? "> 999 %" : `${share < 0 ? "−" : "+"}${Math.abs(share).toFixed(1)} %`;
}

function figureRow(): Part<Row> {
  const name = h("th", { scope: "row" }),
    value = h("span", { class: "value" }),
    before = h("span"),
    change = h("span", { class: "hint" }),
    target = h("span"),
    off = h("span", { class: "off" });
  return {
    element: h("tr", {}, name, cell("So far", value), cell("Before", before, change), cell("Target", target, off)),
    update(row) {
      const { label, unit, less } = SHOWN[row.figure]!,
        good = row.value !== null && row.quality === "good";
      setText(name, `${label}, ${unit}`);
      setText(value, places(row.figure, row.value));
      setAttribute(value, "data-standing", row.value === null || good ? null : "uncertain");
      setAttribute(value, "title", good ? null : quality(row.quality));
      setText(before, places(row.figure, row.before));
      setText(change, !good || row.before === null ? "" : difference(row.value, row.before));
      setText(target, row.target === null ? "–" : places(row.figure, row.target));
      const worse = row.target !== null && (less ? 1 : -1) * (row.value - row.target) > TOLERATED * row.target;
      setText(off, worse && good ? `✕ ${difference(row.value, row.target)}` : "");
    },
  };
}

interface Asset {
  name: string;
  rows: Row[];
}

function assetPart(): Part<Asset> {
  const heading = h("h3"),
    { element, body } = table("Key figures", ["Figure", "So far", "Before", "Target"], { class: "production" });
  const put = keyed<Row>(body, (row) => row.figure, figureRow);
  return {
    element: h("section", {}, heading, h("div", { class: "scroll" }, element)),
    update({ name, rows }) {
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

export function production(): { element: HTMLElement; read(): Promise<void> } {
  let period = "day";
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
    const answer = lookedAt() === null ? await list(`/kpis/production?period=${period}`, 50_000) : await past(period);
    if (asked !== period) return;
    const rows = answer.filter((row) => row.figure in SHOWN && !String(row.asset).includes("."));
    rows.sort((a, b) => Number(b.asset === "plant") - Number(a.asset === "plant"));
    const names = [...new Set(rows.map((row) => String(row.asset)))];
    put(names.map((name) => ({ name, rows: rows.filter((row) => row.asset === name) })));
    element.hidden = rows.length === 0;
    for (const [i, [name]] of periods.entries()) setAttribute(buttons[i]!, "aria-pressed", String(name === period));
    const [, , now, before] = periods.find(([name]) => name === period)!;
    const head = rows[0];
    setText(
      span,
      !head
        ? ""
        : lookedAt() === null
          ? `${now}: ${moment(head.from)} to ${moment(head.to)}. Before: ${before.toLowerCase()}. ? is uncertain: too little of the time is covered, or the metal is not known well enough.`
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
  return {
    element: h(
      "section",
      {},
      h("h2", {}, "Key figures"),
      h("div", { class: "tools", role: "group", "aria-label": "Over what" }, buttons),
      none,
      span,
      element,
    ),
    read,
  };
}
