// A pot (or a line): its signals with age and quality, a trend of one, what changed, alarms, set points and override.
import { changeBand } from "../changes";
import { Trend } from "../chart";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import type { Row } from "../api";
import { findingText } from "../finding";
import { moment, number, quality, span, unitText } from "../format";
import { age, readings, sensors, standing } from "../live";
import { isKnown, placeOf, potState, tagsOf, tickets, title } from "../plant";
import type { View } from "../view";
import { assetAlarms } from "./alarms";
import { assetFigures } from "./production";
import { profiles } from "./profiles";
import { overrideBar, recommendations, setpointTable } from "./setpoints";

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

function ticketLine(): Part<Row> {
  const link = h("a", { href: "#/anomalies" }),
    what = h("span");
  return {
    element: h("li", {}, link, what),
    update(ticket) {
      setText(link, ticket.ticket);
      setText(
        what,
        `: ${findingText(ticket)}, since ${moment(ticket.opened)}${ticket.assignee ? `, ${ticket.assignee} has it` : ""}.`,
      );
    },
  };
}

export function potView(asset: string): View {
  let chosen = "";
  const trendTitle = h("h2"),
    band = changeBand(asset);
  const trend = new Trend((from, to) => void band.show(from, to).then((marks) => marks && trend.setMarks(marks)));
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
    figures = assetFigures(asset),
    state = h("p", { class: "summary" }),
    work = h("ul", { class: "plain" }),
    todo = h("section", { hidden: true }, h("h2", {}, "Tickets"), work);
  const putWork = keyed<Row>(work, (ticket) => ticket.ticket, ticketLine);

  function choose(tag: string): void {
    chosen = tag;
    const unit = unitText(sensors.get(tag)?.unit ?? "");
    setText(trendTitle, `Trend: ${tag.slice(tag.lastIndexOf(".") + 1).replaceAll("_", " ")}${unit && `, ${unit}`}`);
    trend.show(tag);
    update();
  }

  const none = h("p", { class: "summary" }, `There is no ${asset}: no signal of it has come. `);
  none.append(h("a", { href: "#/" }, "All potlines"));
  const page = h(
    "div",
    { class: "pot-page", hidden: true },
    state,
    override.element,
    h("section", { class: "trend-box" }, trendTitle, trend.element, band.element),
    h("section", {}, h("h2", {}, "Signals"), h("div", { class: "scroll" }, signals)),
    wishes.element,
    h("section", {}, h("h2", {}, "Alarms"), alarms.element),
    todo,
    h("section", {}, h("h2", {}, "Set points"), points.element),
    twin.element,
    figures.element,
  );

  function update(): void {
    const tags = tagsOf(asset),
      known = isKnown(asset);
    none.hidden = known !== false;
    page.hidden = known !== true;
    if (!known) return;
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
    const own = tickets.filter((ticket) => placeOf(ticket) === asset);
    putWork(own);
    todo.hidden = own.length === 0;
    for (const one of [alarms, points, override, wishes]) one.update();
  }

  return {
    title: title(asset),
    element: h("div", {}, none, page),
    update,
    close: () => {
      trend.close();
      twin.close();
      wishes.close();
      figures.close();
    },
  };
}
