// The potline map: every pot of every line, grey unless something is abnormal; beside it what needs attention.
import { allowed } from "../api";
import { actions, ruleOf, symbol } from "../alarm_parts";
import { h, keyed, setAttribute, setText, type Part } from "../dom";
import { moment, number, quality, span, unitText, withUnit } from "../format";
import { age, readings, sensors, standing } from "../live";
import {
  alarms,
  assetOf,
  isUnseen,
  lines,
  loaded,
  needsAttention,
  overrides,
  potState,
  setpoints,
  tagOf,
  tagsOf,
  tickets,
  title,
  type Line,
} from "../plant";
import type { Row } from "../api";
import type { View } from "../view";
import { plantFigures } from "./production";

const MOST = 12; // alarms beside the map

function tile(asset: string): Part<string> {
  const short = asset.slice(asset.indexOf(".") + 1).replace(/^[a-z]+(?=\d)/i, "");
  const value = h("span", { class: "value" }),
    sign = symbol(),
    flag = h("span", { class: "flag" });
  const element = h(
    "a",
    { class: "pot", href: `#/pot/${asset}` },
    h("span", { class: "name" }, short),
    sign.element,
    value,
    flag,
  );
  let tags: string[] = [],
    shown = "",
    known = 0;
  return {
    element,
    update() {
      if (known !== sensors.size) {
        known = sensors.size;
        tags = tagsOf(asset);
        shown = tags.find((tag) => tag.endsWith(".voltage")) ?? tags[0] ?? "";
      }
      const state = potState(asset, tags),
        reading = readings.get(shown),
        unit = sensors.get(shown)?.unit ?? "";
      setText(value, reading ? number(reading.value, unit) : "–");
      setAttribute(value, "data-unit", reading ? unitText(unit) : null);
      setAttribute(value, "data-standing", standing(reading));
      sign.update(state.alarm, state.unseen);
      const flags = [
        state.overridden && "OVR",
        state.stale ? "stale" : state.bad > 0 && `${state.bad} bad`,
        state.waits > 0 && "move?",
        state.tickets > 0 && "ticket",
      ].filter(Boolean);
      setText(flag, String(flags[0] ?? ""));
      setAttribute(flag, "data-kind", state.overridden ? "override" : null);
      setAttribute(element, "data-alarm", state.alarm ? state.alarm.priority : null);
      setAttribute(element, "data-unseen", state.unseen ? "" : null);
      setAttribute(element, "data-stale", state.stale ? "" : null);
      const words = [
        title(asset),
        withUnit(reading?.value, unit),
        state.alarm && `${state.alarm.priority} alarm ${ruleOf(state.alarm)}`,
        state.unseen && "not acknowledged",
        state.bad > 0 && `${state.bad} signals bad`,
        state.stale && "stale",
        state.overridden && "overridden",
        state.waits > 0 && "a set point waits for approval",
        state.tickets > 0 && "a ticket is open",
      ];
      setAttribute(element, "aria-label", words.filter(Boolean).join(", "));
      setAttribute(
        element,
        "title",
        reading
          ? `${shown}: ${withUnit(reading.value, unit)}, ${quality(reading.quality)}, ${span(age(reading))} old`
          : null,
      );
    },
  };
}

/** Arrow keys go from pot to pot as they are seen. */
function walk(event: KeyboardEvent): void {
  const pots = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(".pot")];
  const at = pots.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const columns = Math.max(
    1,
    pots.filter((pot) => pot.offsetTop === pots[0]!.offsetTop && pot.parentElement === pots[0]!.parentElement).length,
  );
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (by === undefined || !pots[at + by]) return;
  event.preventDefault();
  pots[at + by]!.focus();
}

function lineFigure(tag: string): Part<string> {
  const value = h("dd");
  const name = tag.slice(tag.indexOf(".") + 1).replaceAll("_", " ");
  return {
    element: h("div", {}, h("dt", {}, name.replace(/^line /, "")), value),
    update() {
      const reading = readings.get(tag);
      setText(value, withUnit(reading?.value, sensors.get(tag)?.unit ?? ""));
      setAttribute(value, "data-standing", standing(reading));
    },
  };
}

function lineRow(line: Line): Part<Line> {
  const figures = h("dl", { class: "figures" }),
    pots = h("div", { class: "pots" });
  const putFigures = keyed<string>(figures, (tag) => tag, lineFigure),
    putPots = keyed<string>(pots, (asset) => asset, tile);
  const override = h("strong", { class: "override", hidden: true }, "Override");
  const id = `line-${line.name}`;
  return {
    element: h(
      "section",
      { class: "line", "aria-labelledby": id },
      h(
        "header",
        {},
        h("h2", { id }, h("a", { href: `#/pot/${line.name}`, class: "plain" }, title(line.name))),
        override,
        figures,
      ),
      pots,
    ),
    update(next) {
      putFigures(tagsOf(next.name).slice(0, 4));
      putPots(next.pots);
      override.hidden = !overrides.some((one) => one.scope === next.name || one.scope === "ALL");
    },
  };
}

function alarmRow(fault: (text: string) => void): (alarm: Row) => Part<Row> {
  return (first) => {
    const sign = symbol(),
      act = actions(fault),
      text = h("a", {}),
      time = h("span", { class: "hint" });
    const asset = assetOf(tagOf(first));
    text.href = `#/pot/${asset}`;
    return {
      element: h("li", {}, sign.element, h("div", {}, text, time, act.element)),
      update(alarm) {
        sign.update(alarm, isUnseen(alarm));
        setText(text, alarm.message || alarm.alarm);
        setText(time, `${alarm.state} · ${alarm.raised ? moment(alarm.raised) : ""}`);
        act.update(alarm);
      },
    };
  };
}

function overrideItem(): Part<Row> {
  const what = h("span");
  return {
    element: h("li", {}, h("strong", { class: "override" }, "Override"), " ", what),
    update: (one) =>
      setText(
        what,
        `${one.scope === "ALL" ? "of all" : `of ${title(one.scope)}`}, by ${one.user} since ${moment(one.since)}: ${one.reason}.`,
      ),
  };
}

export function overview(): View {
  const map = h("div", { class: "map", onkeydown: walk as EventListener });
  const putLines = keyed<Line>(map, (line) => line.name, lineRow);
  const fault = h("p", { class: "fault", role: "alert" });
  const items = h("ul", { class: "alarm-items" });
  const putAlarms = keyed<Row>(
    items,
    (alarm) => alarm.alarm,
    alarmRow((text) => setText(fault, text)),
  );
  const stops = h("ul", { class: "plain", "aria-label": "Overrides", hidden: true }),
    putStops = keyed<Row>(stops, (one) => one.scope, overrideItem);
  const summary = h("p", { class: "summary" }),
    waiting = h("p", { class: "summary", hidden: true }),
    work = h("a", { href: "#/anomalies" }),
    todo = h("p", { class: "summary", hidden: true }, work),
    figures = plantFigures();
  return {
    title: "Potlines",
    element: h(
      "div",
      { class: "overview" },
      map,
      h(
        "aside",
        { "aria-label": "What needs attention" },
        h("h2", {}, "Attention"),
        summary,
        stops,
        waiting,
        todo,
        fault,
        items,
        h("p", {}, h("a", { href: "#/alarms" }, "All alarms")),
      ),
      figures.element,
    ),
    update() {
      const urgent = alarms.filter(needsAttention);
      putLines(lines());
      putAlarms(urgent.slice(0, MOST));
      putStops(overrides);
      stops.hidden = overrides.length === 0;
      const unseen = urgent.filter(isUnseen).length,
        waits = setpoints.filter((one) => one.state === "waits").length;
      const text =
        urgent.length === 0
          ? "No alarms."
          : `${urgent.length} alarm${urgent.length === 1 ? "" : "s"}, ${unseen} not acknowledged.`;
      setText(summary, loaded ? text : "…");
      waiting.hidden = waits === 0;
      setText(
        waiting,
        `${waits} set point${waits === 1 ? " waits" : "s wait"} for approval${allowed("operate") ? "" : " by an operator"}.`,
      );
      todo.hidden = tickets.length === 0;
      setText(work, `${tickets.length} ticket${tickets.length === 1 ? " is" : "s are"} to be done.`);
    },
    close: figures.close,
  };
}
