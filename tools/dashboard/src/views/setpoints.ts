// Set points of an asset: what stands, what is wished, and who decides; and the override, which stops them all.
import { allowed, change, list, part, type Row } from "../api";
import { ask, reasonField } from "../dialog";
import { cell, h, keyed, setText, table, type Part } from "../dom";
import { milliseconds, moment, number, span, unitText } from "../format";
import { engineNow, lookedAt, sensors } from "../live";
import { assetOf, covers, guarded, loaded, overrides, refresh, setpoints, title } from "../plant";

const REASON_KEPT = 150; // characters, about
const ADVICE_HOLDS = 6 * 3_600_000;
const ADVICE_EVERY = 10_000;
const HELD_BACK = 30 * 60_000; // states are told more often: what is older than that no longer holds advice up

const advised = new Map<string, Row>(); // what the optimiser has told last, by asset

function sayAdvice(run: Row): string {
  const text = String(run.body.reason).replaceAll("->", "→");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The guard keeps so much of a reason; what was cut goes back to where a part of it ends. */
function whole(reason: string): string {
  const end = reason.lastIndexOf(";");
  return reason.length < REASON_KEPT || end < 0 ? reason : `${reason.slice(0, end)}; …`;
}

/** An optimiser renews what it wishes: why it did at first is in its own record. */
function because(point: Row): string {
  const run = advised.get(assetOf(point.tag));
  if (point.reason === "renewed" && run) return sayAdvice(run);
  return point.reason ? `${whole(point.reason)}.` : "";
}

function decide(point: Row, verb: "approve" | "reject"): Promise<boolean> {
  const unit = unitText(sensors.get(point.tag)?.unit ?? "");
  return ask({
    title: `${verb === "approve" ? "Approve" : "Reject"} ${point.tag}`,
    text: `From ${number(point.stands)} to ${number(point.wished)} ${unit}. ${because(point)}`,
    fields: [{ ...reasonField, required: verb === "reject" }],
    confirm: verb === "approve" ? "Approve" : "Reject",
    run: async (values) => {
      await change("POST", `/setpoints/${part(point.tag)}/${verb}`, {
        ...(values.reason ? { reason: values.reason } : {}),
        // What was read is what is approved: not what has taken its place meanwhile.
        ...(verb === "approve" ? { value: point.wished } : {}),
      });
      await refresh();
    },
  });
}

/** Operators may take it into their own hands; back to the machine is for engineers. */
function setMode(point: Row): Promise<boolean> {
  const asset = assetOf(point.tag);
  return ask({
    title: `Mode of ${point.tag}`,
    text: "manual: nothing passes. advise: what would pass is told. approve: it waits for somebody. auto: it passes.",
    fields: [
      {
        name: "scope",
        label: "Of what",
        type: "select",
        choices: [point.tag, asset, asset.split(".")[0]!, "ALL"],
        value: point.tag,
      },
      {
        name: "mode",
        label: "Mode",
        type: "select",
        choices: allowed("engineer") ? ["manual", "advise", "approve", "auto"] : ["manual", "advise"],
        value: point.mode,
      },
      reasonField,
    ],
    confirm: "Set",
    run: async ({ scope, mode, reason }) => {
      if (scope === point.tag && mode === point.mode)
        throw new Error(`The mode is ${mode} already: nothing is changed.`);
      await change("PUT", `/setpoints/${part(scope!)}/mode`, { mode, reason });
      await refresh();
    },
  });
}

function row(): Part<Row> {
  let point: Row = {};
  const cells = Array.from({ length: 6 }, () => h("span"));
  const mode = h(
    "button",
    { type: "button", hidden: !allowed("operate"), onclick: () => void setMode(point) },
    "Mode…",
  );
  const names = ["Set point", "Stands", "Wished", "Limits", "Mode", "State"];
  const element = h(
    "tr",
    {},
    names.map((name, i) => cell(name, cells[i])),
    cell("", h("div", { class: "buttons" }, mode)),
  );
  return {
    element,
    update(next) {
      point = next;
      const state = [
        point.state,
        point.until && `until ${moment(point.until)}`,
        point.reason,
        point.refused && `refused: ${point.refused}`,
      ];
      // A set point may differ from another in more places than a measured value has.
      const unit = unitText(sensors.get(point.tag)?.unit ?? ""),
        exact = (value: unknown) =>
          [number(value), unit].filter((one) => one && number(value) !== "–").join(" ") || "–";
      const texts = [
        point.tag.slice(point.tag.lastIndexOf(".") + 1).replaceAll("_", " "),
        exact(point.stands),
        exact(point.wished),
        `${number(point.low)} – ${exact(point.high)}`,
        point.mode,
        state.filter(Boolean).join(", "),
      ];
      texts.forEach((text, i) => setText(cells[i]!, text));
    },
  };
}

/** What an optimiser or an engineer wishes, and why, for who decides. */
function recommendation(): Part<Row> {
  let point: Row = {};
  const what = h("strong"),
    why = h("p"),
    until = h("p", { class: "hint" });
  const decides = (label: string, verb: "approve" | "reject", kind: string | null) =>
    h(
      "button",
      { type: "button", class: kind, hidden: !allowed("operate"), onclick: () => void decide(point, verb) },
      label,
    );
  return {
    element: h(
      "li",
      { class: "card" },
      what,
      why,
      until,
      h("div", { class: "buttons" }, decides("Approve…", "approve", "primary"), decides("Reject…", "reject", null)),
    ),
    update(next) {
      point = next;
      const unit = unitText(sensors.get(point.tag)?.unit ?? ""),
        name = point.tag.slice(point.tag.lastIndexOf(".") + 1).replaceAll("_", " ");
      setText(what, `${name}: ${number(point.stands)} → ${number(point.wished)}${unit && ` ${unit}`}`);
      setText(why, because(point) ? `Because: ${because(point)}` : "No reason is given.");
      setText(
        until,
        `Within ${number(point.low)} – ${number(point.high)}${unit && ` ${unit}`}.${point.until ? ` It waits until ${moment(point.until)}.` : ""}`,
      );
    },
  };
}

/** What the optimiser told last of the asset, also where the guard only advises, and nothing waits for anybody. */
async function readAdvice(asset: string): Promise<Row | undefined> {
  const now = engineNow();
  const range = `from=${new Date(now - ADVICE_HOLDS).toISOString()}&to=${new Date(now + 1).toISOString()}`;
  const runs = await list(`/events?tag=${part(asset)}&kind=optimize.run&${range}`, 100);
  const newest = runs.reduce((last, row) => (last && last.time >= row.time ? last : row), runs[0] as Row | undefined);
  return newest && ["optimal", "relaxed"].includes(newest.body?.outcome) && newest.body.reason ? newest : undefined;
}

/** Why nothing is decided, if that is the newest that the optimiser has said of the asset. */
async function readHeld(asset: string): Promise<Row | undefined> {
  const now = engineNow();
  const range = `from=${new Date(now - HELD_BACK).toISOString()}&to=${new Date(now + 1).toISOString()}`;
  const held = await list(`/events?tag=${part(asset)}&kind=optimize.held&${range}`, 100);
  return held.reduce((last, row) => (last && last.time >= row.time ? last : row), held[0] as Row | undefined);
}

/** How often a pot is decided anew, as the running graph says; "": it does not. */
async function readEvery(): Promise<string> {
  const optimiser = (await list("/nodes")).find((node) => node.op === "optimize.setpoints");
  if (!optimiser) return "";
  const options = await list(`/nodes/${part(optimiser.node)}/options`);
  return String(options.find((row) => row.option === "every")?.value ?? "");
}

/** Old advice is not what the pot is now: how old it is, and when there may be other. */
function adviceAge(run: Row, every: string): string {
  const told = `Told by the optimiser at ${moment(run.time)}`;
  if (lookedAt() !== null) return `${told}.`;
  const due = Date.parse(run.time) + milliseconds(every);
  const next = every ? ` The next ${due < engineNow() ? "was" : "is"} due at ${moment(due)} (every ${every}).` : "";
  return `${told}, ${span(engineNow() - Date.parse(run.time))} ago.${next}`;
}

export function recommendations(asset: string): { element: HTMLElement; update(): void; close(): void } {
  const items = h("ul", { class: "recommendations" }),
    said = h("p"),
    told = h("p", { class: "hint" }),
    doubt = h("p", { class: "hint" }),
    advice = h("div", { class: "card", hidden: true }, said, told, doubt);
  const put = keyed<Row>(items, (point) => point.tag, recommendation);
  const element = h("section", { hidden: true }, h("h2", {}, "Recommendations"), items, advice);
  let run: Row | undefined,
    held: Row | undefined,
    every = "";
  const again = () =>
    void Promise.all([readAdvice(asset), readHeld(asset), every || readEvery()]).then(
      ([found, why, often]) => {
        run = found;
        held = why && (!found || found.time < why.time) ? why : undefined;
        every = often;
        if (found) advised.set(asset, found);
        else advised.delete(asset);
      },
      () => {}, // the shell tells when the engine is not reached
    );
  const timer = setInterval(again, ADVICE_EVERY);
  again();
  return {
    element,
    update() {
      const own = setpoints.filter((point) => assetOf(point.tag) === asset),
        rows = own.filter((point) => point.state === "waits");
      put(rows);
      advice.hidden = !(run || held) || rows.length > 0; // what waits says so itself
      for (const one of [said, told]) one.hidden = !run;
      doubt.hidden = !held;
      if (held)
        setText(doubt, `${run ? "Not decided anew" : "No advice yet"}, ${moment(held.time)}: ${held.body?.reason}.`);
      if (run) {
        const only = own.length > 0 && own.every((point) => point.mode === "advise");
        setText(said, sayAdvice(run));
        setText(
          told,
          `${adviceAge(run, every)}${only ? " It is advice: nothing is written while the mode is advise." : ""}`,
        );
      }
      element.hidden = rows.length === 0 && !run && !held;
    },
    close: () => clearInterval(timer),
  };
}

export function setpointTable(asset: string): { element: HTMLElement; update(): void } {
  const { element, body } = table(
    `Set points of ${asset}`,
    ["Set point", "Stands", "Wished", "Limits", "Mode", "State", "Actions"],
    { class: "cards" },
  );
  const put = keyed<Row>(body, (point) => point.tag, row);
  const none = h("p", { class: "summary" });
  return {
    element: h("div", {}, none, h("div", { class: "scroll" }, element)),
    update() {
      const rows = setpoints.filter((point) => assetOf(point.tag) === asset);
      put(rows);
      element.hidden = rows.length === 0;
      setText(
        none,
        rows.length > 0
          ? ""
          : !loaded
            ? "…"
            : lookedAt() !== null
              ? "No set point of that time is kept."
              : guarded
                ? "No set point has come yet."
                : "The running graph has no guard: there are no set points, and nothing to override.",
      );
    },
  };
}

async function engage(scope: string, reason: string): Promise<void> {
  await change("POST", "/overrides", { scope, reason, anyway: true }); // chosen, not typed: no slip of the pen
  await refresh();
}

/** Engaging is for who operates, letting go for who may set limits: it is one way on purpose. */
export function overrideBar(asset: string): { element: HTMLElement; update(): void } {
  const told = h("p", { class: "override-told", role: "status" });
  const button = h(
    "button",
    {
      type: "button",
      class: "grave",
      onclick: () =>
        void ask({
          title: `Override ${title(asset)}`,
          text: "No set point passes to the pot any more, until the override is released by an engineer or a manager.",
          fields: [
            {
              name: "scope",
              label: "Of what",
              type: "select",
              choices: [asset, asset.split(".")[0]!, "ALL"],
              value: asset,
            },
            reasonField,
          ],
          confirm: "Override now",
          grave: true,
          run: (values) => engage(values.scope!, values.reason!),
        }),
    },
    "Override…",
  );
  const release = h(
    "button",
    {
      type: "button",
      onclick: () => {
        const scope = holding()?.scope;
        if (scope)
          void ask({
            title: `Release the override of ${scope}`,
            text: "Set points may pass again.",
            fields: [reasonField],
            confirm: "Release",
            grave: true,
            run: async (values) => {
              await change("DELETE", `/overrides/${part(scope)}?reason=${part(values.reason!)}`);
              await refresh();
            },
          });
      },
    },
    "Release override…",
  );
  const holding = () => overrides.find((one) => covers(one.scope, asset));
  return {
    element: h("div", { class: "override-bar" }, told, button, release),
    update() {
      const one = holding();
      const who = allowed("limit") ? "" : " An engineer or a manager releases it.";
      setText(
        told,
        one ? `Overridden (${one.scope}) by ${one.user} since ${moment(one.since)}: ${one.reason}.${who}` : "",
      );
      told.hidden = !one;
      button.hidden = !guarded || !allowed("operate") || one !== undefined;
      release.hidden = !allowed("limit") || one === undefined;
    },
  };
}
