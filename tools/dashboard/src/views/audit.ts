// Who did what, the newest first.
import { list, part, type Row } from "../api";
import { cell, h, keyed, setText, table, type Part } from "../dom";
import { moment } from "../format";
import type { View } from "../view";

const names = ["When", "Who", "Action", "Of what", "From", "To", "Reason", "Outcome"];

function auditRow(): Part<Row> {
  const cells = names.map(() => h("span"));
  return {
    element: h(
      "tr",
      {},
      names.map((name, i) => cell(name, cells[i])),
    ),
    update(row) {
      const who = row.role ? `${row.user} (${row.role})` : row.user || "engine";
      [moment(row.time), who, row.action, row.object, row.from, row.to, row.reason, row.outcome].forEach((text, i) =>
        setText(cells[i]!, text === "nan" ? "" : (text ?? "")),
      );
    },
  };
}

export function auditView(): View {
  const { element, body } = table("Audit", names, { class: "cards" });
  const fault = h("p", { class: "fault", role: "alert" }),
    count = h("p", { class: "summary", role: "status" }, "…");
  const put = keyed<Row>(body, (row) => `${row.time} ${row.correlation} ${row.action}`, auditRow);
  const field = (name: string, label: string) => h("label", {}, label, h("input", { name, autocomplete: "off" }));
  const spans = h(
    "select",
    { name: "hours" },
    [
      ["24", "24 hours"],
      ["168", "7 days"],
      ["", "all there is"],
    ].map(([value, text]) => h("option", { value }, text)),
  );
  const form = h(
    "form",
    {
      class: "tools",
      role: "search",
      onsubmit: (event: Event) => {
        event.preventDefault();
        again();
      },
    },
    field("user", "User"),
    field("action", "Action"),
    field("object", "Of what"),
    h("label", {}, "Of the last", spans),
    h("button", { type: "submit" }, "Show"),
  );

  async function read(): Promise<void> {
    const asked = new FormData(form),
      hours = Number(asked.get("hours"));
    const filters = ["user", "action", "object"]
      .filter((name) => asked.get(name))
      .map((name) => `${name}=${part(`*${asked.get(name)}*`)}`);
    if (hours) filters.push(`from=${new Date(Date.now() - hours * 3_600_000).toISOString()}`);
    const rows = await list(`/audit?${filters.join("&")}`, 10_000);
    put(rows.reverse().slice(0, 500));
    setText(count, rows.length > 500 ? `The newest 500 of ${rows.length} records.` : `${rows.length} records.`);
  }
  const again = () =>
    void read().then(
      () => setText(fault, ""),
      (error) => setText(fault, error.message),
    );
  again();
  return {
    title: "Audit",
    element: h("div", {}, form, fault, count, h("div", { class: "scroll" }, element)),
    update: () => {},
  };
}
