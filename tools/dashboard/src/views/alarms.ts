// The list of alarms, the most urgent first, with acknowledging and shelving.
import type { Row } from "../api";
import { actions, symbol } from "../alarm_parts";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { moment, number, span, withUnit } from "../format";
import { engineNow, sensors } from "../live";
import { alarms, assetOf, isUnseen, loaded, needsAttention, tagOf, title } from "../plant";
import type { View } from "../view";

type Filter = "attention" | "shelved" | "all";
const filters: [Filter, string][] = [
  ["attention", "Need attention"],
  ["shelved", "Shelved or suppressed"],
  ["all", "All"],
];

function fits(alarm: Row, filter: Filter): boolean {
  if (filter === "all") return true;
  return filter === "attention"
    ? needsAttention(alarm)
    : ["shelved", "suppressed", "out-of-service"].includes(alarm.state);
}

export function alarmRow(fault: (text: string) => void): (alarm: Row) => Part<Row> {
  return (first) => {
    const asset = assetOf(tagOf(first)),
      sign = symbol(),
      act = actions(fault);
    const state = h("span"),
      since = h("span", { class: "moment" }),
      old = h("span", { class: "hint" }),
      message = h("span"),
      value = h("span"),
      advice = h("span"),
      more = h("span", { class: "hint" });
    const element = h(
      "tr",
      {},
      cell("Priority", sign.element, h("span", { class: "unseen" }, first.priority)),
      cell("State", state, more),
      cell("Raised", since, old),
      cell("Where", h("a", { href: `#/pot/${asset}` }, title(asset))),
      cell("What", message),
      cell("Value / limit", value),
      cell("What to do", advice),
      cell("", act.element),
    );
    return {
      element,
      update(alarm) {
        sign.update(alarm, isUnseen(alarm));
        setAttribute(element, "data-unseen", isUnseen(alarm) ? "" : null);
        setText(state, alarm.state + (alarm.chattering ? ", chattering" : "") + (alarm.stale ? ", stale" : ""));
        setText(
          more,
          alarm.state === "shelved" && alarm.until
            ? ` until ${moment(alarm.until)}, ${alarm.user}: ${alarm.reason}`
            : "",
        );
        setText(since, alarm.raised ? moment(alarm.raised) : "");
        setText(old, alarm.raised ? `${span(engineNow() - Date.parse(alarm.raised))} ago` : "");
        setText(message, alarm.message || alarm.alarm);
        const unit = sensors.get(tagOf(alarm))?.unit ?? "";
        setText(value, `${number(alarm.value, unit)} / ${withUnit(alarm.limit, unit)}`);
        setText(advice, alarm.action);
        act.update(alarm);
      },
    };
  };
}

const headings = ["Priority", "State", "Raised", "Where", "What", "Value / limit", "What to do", "Actions"];

function notifyButton(): HTMLElement | null {
  if (!("Notification" in window) || Notification.permission !== "default") return null;
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        await Notification.requestPermission();
        button.remove();
      },
    },
    "Notify me of new alarms",
  );
  return button;
}

export function alarmsView(): View {
  let filter: Filter = "attention";
  const { element, body } = table("Alarms", headings, { class: "cards" });
  const fault = h("p", { class: "fault", role: "alert" }),
    none = h("p", { class: "summary" });
  const put = keyed<Row>(
    body,
    (alarm) => alarm.alarm,
    alarmRow((text) => setText(fault, text)),
  );
  const buttons = filters.map(([name, label]) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          filter = name;
          update();
        },
      },
      label,
    ),
  );
  function update(): void {
    const rows = alarms.filter((alarm) => fits(alarm, filter));
    put(rows);
    element.hidden = rows.length === 0;
    setText(none, !loaded ? "…" : rows.length === 0 ? "No alarms." : "");
    for (const [i, [name]] of filters.entries()) setAttribute(buttons[i]!, "aria-pressed", String(name === filter));
  }
  return {
    title: "Alarms",
    element: h(
      "div",
      {},
      h("div", { class: "tools", role: "group", "aria-label": "Which alarms" }, buttons, notifyButton()),
      fault,
      none,
      h("div", { class: "scroll" }, element),
    ),
    update,
  };
}

export function assetAlarms(asset: string): { element: HTMLElement; update(): void } {
  const { element, body } = table(`Alarms of ${asset}`, headings, { class: "cards" });
  const fault = h("p", { class: "fault", role: "alert" }),
    none = h("p", { class: "summary" }, "No alarms.");
  const put = keyed<Row>(
    body,
    (alarm) => alarm.alarm,
    alarmRow((text) => setText(fault, text)),
  );
  return {
    element: h("div", {}, none, fault, h("div", { class: "scroll" }, element)),
    update() {
      const rows = alarms.filter((alarm) => alarm.state !== "normal" && assetOf(tagOf(alarm)) === asset);
      put(rows);
      element.hidden = rows.length === 0;
      none.hidden = rows.length > 0;
      setText(none, loaded ? "No alarms." : "…");
    },
  };
}
