// Figures: the lines, alarms against ISA-18.2, what became of every sample, and the engine itself.
import { allowed, get, list, type Row } from "../api";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { moment, number, span, withUnit } from "../format";
import { engineNow, lookedAt, readings, sensors, standing } from "../live";
import { lines, tagsOf, title } from "../plant";
import type { View } from "../view";
import { production } from "./production";

const EVERY = 5_000;
const DAY = 86_400_000;

function card(label: string): { element: HTMLElement; put(text: string, note?: string, level?: string): void } {
  const value = h("dd"),
    note = h("dd", { class: "hint" });
  return {
    element: h("div", { class: "card" }, h("dt", {}, label), value, note),
    put(text, more = "", level = "good") {
      setText(value, text);
      setText(note, more);
      setAttribute(value, "data-standing", level);
    },
  };
}

function rowsOf(names: string[]): () => Part<Row> {
  return () => {
    const cells = names.map(() => h("span"));
    return {
      element: h(
        "tr",
        {},
        names.map((name, i) => cell(name, cells[i])),
      ),
      update: (row) => names.forEach((name, i) => setText(cells[i]!, String(row[name] ?? ""))),
    };
  };
}

function rowTable(
  caption: string,
  names: string[],
  key: string,
  kind: "cards" | null = null,
): { element: HTMLElement; put(rows: Row[]): void } {
  const { element, body } = table(caption, names, { class: kind });
  return {
    element: h(
      "section",
      {},
      h("h2", {}, caption),
      h("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": caption }, element),
    ),
    put: keyed<Row>(body, (row) => row[key], rowsOf(names)),
  };
}

/** Times in a text as they are written everywhere here. */
function withMoments(text: string): string {
  return text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) => moment(time));
}

/** What is there of a pot's voltage now: its mean over a line, of what is good. */
function meanVoltage(pots: string[]): { mean: number; pots: number } {
  const good = pots
    .map((pot) => readings.get(`${pot}.voltage`))
    .filter((one) => standing(one) === "good")
    .map((one) => Number(one!.value));
  return { mean: good.reduce((sum, one) => sum + one, 0) / good.length, pots: good.length };
}

export function kpisView(): View {
  const effects = card("Anode effects in 24 h"),
    lost = card("Samples lost"),
    behind = card("Rows behind"),
    up = card("Engine up");
  const lineCards = h("div", { class: "cards-of-lines" });
  const putLines = keyed<{ name: string; pots: string[] }>(lineCards, (line) => line.name, lineCard);
  const alarmTable = rowTable("Alarms against ISA-18.2", ["Figure", "Value", "Target", "Note"], "Figure", "cards");
  const lossTable = rowTable(
    "What became of every sample",
    ["Source", "Expected", "Accepted", "Missing", "Late", "Rejected", "Loss"],
    "Source",
    "cards",
  );
  const nodeTable = rowTable("Nodes", ["Node", "Operator", "State", "Rows in", "Rows out", "Lag p99", "Queue"], "Node");
  const fault = h("p", { class: "fault", role: "alert" }),
    figures = production();
  // Of the engine only now is known.
  const engine = h("div", { hidden: lookedAt() !== null });

  function lineCard(line: { name: string; pots: string[] }): Part<{ name: string; pots: string[] }> {
    const list = h("dl", { class: "figures" }),
      mean = h("dd");
    const put = keyed<string>(
      list,
      (tag) => tag,
      (tag) => {
        const value = h("dd");
        return {
          element: h("div", {}, h("dt", {}, tag.slice(tag.indexOf(".") + 1).replaceAll("_", " ")), value),
          update() {
            setText(value, withUnit(readings.get(tag)?.value, sensors.get(tag)?.unit ?? ""));
            setAttribute(value, "data-standing", standing(readings.get(tag)));
          },
        };
      },
    );
    return {
      element: h(
        "section",
        { class: "card" },
        h("h2", {}, title(line.name)),
        h("dl", { class: "figures" }, h("div", {}, h("dt", {}, "mean pot voltage"), mean)),
        list,
      ),
      update(next) {
        const { mean: volts, pots } = meanVoltage(next.pots);
        setText(mean, pots ? `${volts.toFixed(3)} V (${pots} of ${next.pots.length} pots)` : "–");
        put(tagsOf(next.name));
      },
    };
  }

  async function read(): Promise<void> {
    const to = engineNow(),
      from = new Date(to - 2 * DAY).toISOString();
    const [[status], figures, losses, nodes, events] = await Promise.all([
      get("/kpis"),
      list("/kpis/alarms"),
      list("/kpis/losses"),
      list("/nodes"),
      list(`/events?kind=alarm.unacknowledged&from=${from}`),
    ]);
    const pots = lines().reduce((sum, line) => sum + line.pots.length, 0);
    const times = events.filter((row) => row.body?.rule === "anode-effect").map((row) => Date.parse(row.time));
    const hits = times.filter((time) => time >= to - DAY).length,
      before = times.length - hits;
    const days = Math.min(DAY, (status?.uptime_s ?? 0) * 1000) / DAY;
    effects.put(
      number(hits),
      `${pots ? number(hits / pots) : "–"} per pot, of ${pots} pots; ${before} in the 24 h before${days < 1 ? `; this run has seen ${span(days * DAY)} of the time` : ""}`,
    );
    const all = losses.filter((row) => row.tag === "*");
    const sum = (name: string) => all.reduce((total, row) => total + row[name], 0);
    lost.put(
      `${number(100 * (1 - sum("accepted") / Math.max(1, sum("expected"))))} %`,
      `${sum("expected") - sum("accepted")} of ${sum("expected")}`,
    );
    behind.put(
      number(status?.lag_bytes / 1e6) + " MB",
      status?.disk_full ? "the disk is full" : "",
      status?.disk_full ? "bad" : "good",
    );
    up.put(span(status?.uptime_s * 1000), `graph ${status?.graph}, checkpoint ${span(status?.epoch_age_s * 1000)} old`);
    alarmTable.put(
      figures.map((row) => ({
        Figure: row.figure,
        Value: number(row.value),
        Target: row.target,
        Note: withMoments(row.note),
      })),
    );
    lossTable.put(
      all.map((row) => ({
        Source: row.source,
        Expected: row.expected,
        Accepted: row.accepted,
        Missing: row.missing,
        Late: row.late,
        Rejected: row.rejected,
        Loss: `${number(100 * row.loss)} %`,
      })),
    );
    nodeTable.put(
      nodes.map((row) => ({
        Node: row.node,
        Operator: row.op,
        State: row.state,
        "Rows in": row.rows_in,
        "Rows out": row.rows_out,
        "Lag p99": `${number(row.lag_p99_ms)} ms`,
        Queue: row.queue_batches,
      })),
    );
  }

  engine.append(
    h("dl", { class: "cards-row" }, effects.element, lost.element, behind.element, up.element),
    alarmTable.element,
    h(
      "details",
      { open: allowed("engineer") },
      h("summary", {}, "The engine: what became of every sample, and its nodes"),
      lossTable.element,
      nodeTable.element,
    ),
  );
  const again = () =>
    void Promise.all([figures.read(), lookedAt() === null ? read() : null]).then(
      () => setText(fault, ""),
      (error) => setText(fault, error.message),
    );
  const timer = setInterval(again, EVERY);
  again();
  return {
    title: "KPIs",
    element: h("div", { class: "kpis" }, fault, figures.element, lineCards, engine),
    update: () => putLines(lines()),
    close: () => {
      clearInterval(timer);
      figures.close();
    },
  };
}
