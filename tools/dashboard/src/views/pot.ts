// A pot (or a line): its signals with age and quality, a trend of one, what changed, alarms, set points and override.
import { allowed, list, part, type Row } from "../api";
import { Trend, marksOf } from "../chart";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { moment, number, quality, span, unitText } from "../format";
import { age, readings, sensors, standing } from "../live";
import { potState, tagsOf, title } from "../plant";
import type { View } from "../view";
import { assetAlarms } from "./alarms";
import { profiles } from "./profiles";
import { overrideBar, recommendations, setpointTable } from "./setpoints";

const MOST = 50;
const changing = /^(override|guard|constraints|rules|alarms|set|pause|resume|optimize|models?)\b/;

function signalRow(choose: (tag: string) => void, chosen: () => string): (tag: string) => Part<string> {
  return (tag) => {
    const value = h("span", { class: "value" }),
      told = h("span"),
      old = h("span");
    const name = tag.slice(tag.lastIndexOf(".") + 1).replaceAll("_", " ");
    const button = h("button", { type: "button", class: "link", onclick: () => choose(tag) }, name);
    const element = h(
      "tr",
      {},
      h("th", { scope: "row" }, button),
      cell("Value", value),
      cell("Unit", unitText(sensors.get(tag)?.unit ?? "")),
      cell("Quality", told),
      cell("Age", old),
    );
    return {
      element,
      update() {
        const reading = readings.get(tag),
          is = standing(reading);
        setText(value, number(reading?.value, sensors.get(tag)?.unit ?? ""));
        setAttribute(value, "data-standing", is);
        setText(
          told,
          !reading ? "no value yet" : is === "stale" ? `stale (${quality(reading.quality)})` : quality(reading.quality),
        );
        setAttribute(told, "data-standing", is);
        setText(old, reading ? span(age(reading)) : "–");
        setAttribute(button, "aria-pressed", String(chosen() === tag));
        setAttribute(element, "data-chosen", chosen() === tag ? "" : null);
      },
    };
  };
}

/** Of what was written: the alarm's own words, or its kind. */
function eventText(row: Row): string {
  const model = row.body?.model && `${row.body.model} ${String(row.body.hash ?? "").slice(0, 8)}`;
  return [String(row.kind).replaceAll(".", " "), row.body?.message, model, row.body?.user && `by ${row.body.user}`]
    .filter(Boolean)
    .join(", ");
}

function changeText(row: Row): string {
  const from = row.from && row.from !== "nan" ? `${row.from} → ` : "";
  const to = row.to ? from + row.to : "";
  return [row.action, row.object, to, row.user && `by ${row.user}`, row.reason].filter(Boolean).join(" · ");
}

export function potView(asset: string): View {
  let chosen = "";
  const trendTitle = h("h2"),
    changes = h("ol", { class: "changes", tabindex: "0", "aria-label": "What changed" });
  const trend = new Trend((from, to) => void readChanges(from, to));
  const { element: signals, body } = table(`Signals of ${asset}`, ["Signal", "Value", "Unit", "Quality", "Age"], {
    class: "signals",
  });
  const put = keyed<string>(
    body,
    (tag) => tag,
    signalRow(choose, () => chosen),
  );
  const alarms = assetAlarms(asset),
    points = setpointTable(asset),
    override = overrideBar(asset),
    wishes = recommendations(asset),
    twin = profiles(asset),
    state = h("p", { class: "summary" });

  function choose(tag: string): void {
    chosen = tag;
    const unit = unitText(sensors.get(tag)?.unit ?? "");
    setText(trendTitle, `Trend: ${tag.slice(tag.lastIndexOf(".") + 1).replaceAll("_", " ")}${unit && `, ${unit}`}`);
    trend.show(tag);
    update();
  }

  async function readChanges(from: number, to: number): Promise<void> {
    const between = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`;
    const events = await list(`/events?tag=${part(asset)}&${between}`, 1000).catch(() => []);
    const graphs = (await list("/graphs", 1000).catch(() => [])).filter((row) => {
      const time = Date.parse(row.time);
      return time >= from && time < to;
    });
    const audit = allowed("report") ? await list(`/audit?${between}`, 1000).catch(() => []) : [];
    const acts = audit.filter((row) => changing.test(row.action) && String(row.outcome).startsWith("done"));
    // A rule's event says the same as its alarm, a twin's state nothing new.
    const once = new Map(events.map((row) => [row.id, row])); // two nodes may keep the same event
    const own = [...once.values()].filter((row) => !/^rule\.|^twin\.state$/.test(row.kind));
    trend.setMarks(marksOf(own, [...acts, ...graphs]));
    const rows = [
      ...own.map((row) => [row.time, eventText(row)]),
      ...acts.map((row) => [row.time, changeText(row)]),
      ...graphs.map((row) => [
        row.time,
        `graph ${row.what} · ${row.how} by ${row.by}, ${String(row.hash).slice(0, 8)}`,
      ]),
    ];
    rows.sort((a, b) => Date.parse(b[0]) - Date.parse(a[0]));
    changes.replaceChildren(
      ...rows.slice(0, MOST).map(([time, text]) => h("li", {}, h("time", { datetime: time }, moment(time)), " ", text)),
    );
    if (rows.length === 0) changes.append(h("li", {}, "Nothing in this range."));
  }

  function update(): void {
    const tags = tagsOf(asset);
    put(tags);
    const first = tags.find((tag) => tag.endsWith(".voltage")) ?? tags[0];
    if (!chosen && first) return choose(first);
    const is = potState(asset, tags);
    setText(
      state,
      tags.length === 0
        ? "This asset has no signals (yet)."
        : is.stale
          ? "Stale: nothing new comes from here."
          : is.bad > 0
            ? `${is.bad} of ${tags.length} signals are bad.`
            : "",
    );
    trend.update();
    for (const one of [alarms, points, override, wishes]) one.update();
  }

  return {
    title: title(asset),
    element: h(
      "div",
      { class: "pot-page" },
      state,
      override.element,
      h(
        "section",
        { class: "trend-box" },
        trendTitle,
        trend.element,
        h("details", { open: true }, h("summary", {}, "What changed"), changes),
      ),
      h("section", {}, h("h2", {}, "Signals"), h("div", { class: "scroll" }, signals)),
      wishes.element,
      h("section", {}, h("h2", {}, "Alarms"), alarms.element),
      h("section", {}, h("h2", {}, "Set points"), points.element),
      twin.element,
    ),
    update,
    close: () => {
      trend.close();
      twin.close();
    },
  };
}
