// Rules and their thresholds.
import { allowed, change, list, part, type Row } from "../api";
import { ask } from "../dialog";
import { cell, h, keyed, setText, table, type Part } from "../dom";
import { number, times, unitText } from "../format";
import type { View } from "../view";

const EVERY = 10_000;

function edit(row: Row, again: () => Promise<void>): Promise<boolean> {
  return ask({
    title: `${row.rule}: ${row.param}`,
    text: `${row.doc} Now ${number(row.value)} ${unitText(row.unit)}; from ${number(row.low)} to ${number(row.high)}, by the rule ${number(row.default)}.`,
    fields: [
      {
        name: "value",
        label: `New value${row.unit ? `, ${unitText(row.unit)}` : ""}`,
        type: "number",
        value: String(row.value),
        required: true,
      },
      { name: "reason", label: "Reason", hint: "It is kept in the audit." },
    ],
    confirm: "Set",
    run: async (values) => {
      const reason = values.reason ? { reason: values.reason } : {};
      await change("PUT", `/rules/${part(row.rule)}/parameters/${part(row.param)}`, {
        value: Number(values.value),
        ...reason,
      });
      await again();
    },
  });
}

function parameterRow(again: () => Promise<void>): () => Part<Row> {
  return () => {
    let row: Row = {};
    const names = ["Parameter", "Value", "Range", "By the rule", "What it is"],
      cells = names.map(() => h("span"));
    const button = h(
      "button",
      { type: "button", hidden: !allowed("limit"), onclick: () => void edit(row, again) },
      "Change…",
    );
    return {
      element: h(
        "tr",
        {},
        names.map((name, i) => cell(name, cells[i])),
        cell("", button),
      ),
      update(next) {
        row = next;
        const unit = unitText(row.unit),
          texts = [
            row.param,
            `${number(row.value)} ${unit}`,
            `${number(row.low)} – ${number(row.high)}`,
            row.value === row.default ? "the same" : number(row.default),
            row.doc,
          ];
        texts.forEach((text, i) => setText(cells[i]!, text));
        button.setAttribute("aria-label", `Change ${row.param} of ${row.rule}`);
      },
    };
  };
}

function ruleCard(again: () => Promise<void>): (row: Row) => Part<Row> {
  return (first) => {
    const told = h("p", { class: "hint" }),
      fault = h("p", { class: "fault" });
    const { element, body } = table(
      `Parameters of ${first.rule}`,
      ["Parameter", "Value", "Range", "By the rule", "What it is", ""],
      { class: "cards parameters" },
    );
    const put = keyed<Row>(body, (row) => row.param, parameterRow(again));
    let enabled = true;
    const button = h("button", {
      type: "button",
      hidden: !allowed("engineer"),
      onclick: () =>
        void ask({
          title: `${enabled ? "Disable" : "Enable"} ${first.rule}`,
          text: enabled ? "It watches nothing any more, until it is enabled." : "It watches again.",
          fields: [{ name: "reason", label: "Reason", required: true }],
          confirm: enabled ? "Disable" : "Enable",
          grave: enabled,
          run: async (values) => {
            await change("POST", `/rules/${part(first.rule)}/${enabled ? "disable" : "enable"}`, values);
            await again();
          },
        }),
    });
    return {
      element: h(
        "section",
        { class: "card" },
        h("header", { class: "card-head" }, h("h2", {}, first.rule), button),
        h("p", {}, first.doc),
        told,
        fault,
        element,
      ),
      update(row) {
        enabled = row.state === "on";
        setText(
          told,
          `${row.state}; ${row.active} active, raised ${times(row.raised)}, judged ${times(row.evaluated)}`,
        );
        setText(fault, row.error);
        setText(button, enabled ? "Disable…" : "Enable…");
        put(row.parameters);
        element.hidden = row.parameters.length === 0;
      },
    };
  };
}

export function rulesView(): View {
  const cards = h("div"),
    fault = h("p", { class: "fault", role: "alert" }),
    none = h("p", { class: "summary" }, "…");
  const put = keyed<Row>(cards, (row) => row.rule, ruleCard(read));
  async function read(): Promise<void> {
    const rules = await list("/rules");
    const parameters = await Promise.all(
      rules.map((rule) => list(`/rules/${part(rule.rule)}/parameters`).catch(() => [])),
    );
    put(rules.map((rule, i) => ({ ...rule, parameters: parameters[i]! })));
    setText(none, rules.length ? "" : "The running graph has no rules.");
  }
  const again = () =>
    void read().then(
      () => setText(fault, ""),
      (error) => {
        setText(fault, error.message);
        setText(none, "");
      },
    );
  const timer = setInterval(again, EVERY);
  again();
  return {
    title: "Rules",
    element: h("div", {}, fault, none, cards),
    update: () => {},
    close: () => clearInterval(timer),
  };
}
