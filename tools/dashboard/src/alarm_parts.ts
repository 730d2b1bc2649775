// How an alarm looks wherever it is shown, and what may be done with it.
import { allowed, change, part, type Row } from "./api";
import { ask, reasonField } from "./dialog";
import { h, setAttribute, setText } from "./dom";
import { priorities, refresh, type Priority } from "./plant";

/** A sign whose shape and number tell the priority too, for who does not see the colour. */
export function symbol(): { element: HTMLElement; update(alarm: Row | null, unseen: boolean): void } {
  const element = h("span", { class: "symbol", "aria-hidden": "true" });
  return {
    element,
    update(alarm, unseen) {
      setAttribute(element, "data-priority", alarm ? alarm.priority : null);
      setAttribute(element, "data-unseen", alarm && unseen ? "" : null);
      setText(element, alarm ? String(priorities.indexOf(alarm.priority as Priority) + 1) : "");
    },
  };
}

export function ruleOf(alarm: Row): string {
  return String(alarm.alarm).split("@")[0]!;
}

function path(alarm: Row, verb: string): string {
  return `/alarms/${part(alarm.alarm)}/${verb}`;
}

export async function acknowledge(alarm: Row): Promise<void> {
  await change("POST", path(alarm, "ack"), {});
  await refresh();
}

function shelve(alarm: Row): Promise<boolean> {
  return ask({
    title: `Shelve ${alarm.alarm}`,
    text: "The alarm is hidden for this time; then it is judged afresh.",
    fields: [
      { name: "duration", label: "For how long", type: "select", choices: ["15m", "1h", "4h", "8h"], value: "1h" },
      reasonField,
    ],
    confirm: "Shelve",
    run: async (values) => {
      await change("POST", path(alarm, "shelve"), values);
      await refresh();
    },
  });
}

async function unshelve(alarm: Row): Promise<void> {
  await change("POST", path(alarm, "unshelve"), {});
  await refresh();
}

/** The buttons of a row; which there are follows the alarm's state and the user's role. */
export function actions(fault: (text: string) => void): { element: HTMLElement; update(alarm: Row): void } {
  let alarm: Row = {};
  const button = (label: string, run: () => Promise<unknown>) => {
    const made = h(
      "button",
      {
        type: "button",
        onclick: async () => {
          made.disabled = true;
          await run().catch((error) => fault(error.message));
          made.disabled = false;
        },
      },
      label,
    );
    return made;
  };
  const ack = button("Acknowledge", () => acknowledge(alarm));
  const shelf = button("Shelve…", () => shelve(alarm));
  const back = button("Unshelve", () => unshelve(alarm));
  const element = h("div", { class: "buttons" }, ack, shelf, back);
  return {
    element,
    update(next) {
      alarm = next;
      const operate = allowed("operate"),
        unseen = ["unacknowledged", "returned", "latched-unacknowledged"].includes(alarm.state);
      ack.hidden = !operate || !unseen;
      shelf.hidden = !operate || ["shelved", "suppressed", "out-of-service", "normal"].includes(alarm.state);
      back.hidden = !operate || alarm.state !== "shelved";
      for (const one of [ack, shelf, back]) setAttribute(one, "aria-label", `${one.textContent} ${alarm.alarm}`);
    },
  };
}
