// Looking back: the whole screen as it was at a time, and a bar that says so until one comes back.
import { ask } from "./dialog";
import { h, setText } from "./dom";
import { moment } from "./format";
import { engineNow, lookedAt, travel } from "./live";
import { forget, refresh } from "./plant";

const STEPS: [string, number][] = [
  ["−1 h", -3_600_000],
  ["−10 min", -600_000],
  ["−1 min", -60_000],
  ["+1 min", 60_000],
  ["+10 min", 600_000],
  ["+1 h", 3_600_000],
];

/** As the field of a date and time wants it: local time. */
function local(time: number): string {
  const at = new Date(time);
  return new Date(time - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function goTo(time: number | null): void {
  travel(time);
  forget();
  document.dispatchEvent(new Event("potline-travel"));
  void refresh();
}

function askTime(): void {
  void ask({
    title: "Show a time that has passed",
    text: "The potlines, pots, alarms, set points and KPIs as they were then. Nothing can be changed there.",
    fields: [
      {
        name: "time",
        label: "Date and time, as on your clock",
        type: "datetime-local",
        value: local(engineNow() - 600_000),
        required: true,
      },
    ],
    confirm: "Show",
    run: async ({ time }) => {
      const at = Date.parse(time!);
      if (!(at < Date.now())) throw new Error("A time that has passed is needed.");
      goTo(at);
    },
  });
}

export function travelButton(): HTMLElement {
  return h("button", { type: "button", class: "quiet", onclick: askTime }, "Look back…");
}

export function travelBar(): { element: HTMLElement; update(): void } {
  const told = h("strong", { role: "status" });
  const step = ([label, by]: [string, number]) =>
    h("button", { type: "button", onclick: () => goTo(lookedAt()! + by) }, label);
  const element = h(
    "section",
    { class: "travel", hidden: true, "aria-label": "Looking back" },
    told,
    h("div", { class: "buttons" }, STEPS.map(step), h("button", { type: "button", onclick: askTime }, "Time…")),
    h("button", { type: "button", class: "primary", onclick: () => goTo(null) }, "Back to now"),
  );
  return {
    element,
    update() {
      const at = lookedAt();
      element.hidden = at === null;
      setText(told, at === null ? "" : `As it was at ${moment(at)}: not now.`);
    },
  };
}
