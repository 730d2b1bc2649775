// Anomalies that detectors have found, and the tickets that people work through: what it rests on, what to do, whose it is.
import { allowed, change, currentSession, get, list, part, type Row } from "../api";
import { changeBand } from "../changes";
import { Trend } from "../chart";
import { ask, reasonField } from "../dialog";
import { cell, h, keyed, setAttribute, setText, table, type Part } from "../dom";
import { findingText, signalName } from "../finding";
import { moment, number, span } from "../format";
import { engineNow, lookedAt } from "../live";
import { assetOfSubject, placeOf, readTickets, ticketIsOpen, title } from "../plant";
import type { View } from "../view";

const EVERY = 5_000;
const MOST = 100; // on the page
const GOES_ON = 86_400_000;
const AROUND = 300_000; // an anomaly is shown with what was before and behind it
type Filter = "to-do" | "all";

const score = (of: unknown) => Number(of).toFixed(2);
const percent = (share: unknown) => `${number(Math.round(100 * Number(share)))} %`;
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
const words = (state: string) => state.replace("-", " ");

/** From when to when; of what was over with its first row one time, of what goes on its beginning. */
function when(row: Row): string {
  if (!row.end) return `since ${moment(row.start || row.opened)}`;
  const [from, to] = [moment(row.start || row.opened), moment(row.end)];
  return from === to ? `at ${from}` : `${from} to ${to}`;
}

/** The most certain of what is to be done first, then what was closed last. */
function byUrgency(a: Row, b: Row): number {
  return (
    Number(ticketIsOpen(b)) - Number(ticketIsOpen(a)) ||
    b.score - a.score ||
    Date.parse(b.opened) - Date.parse(a.opened)
  );
}

// ---- What a ticket rests on ----

/** How much each signal has to do with it. */
function shares(tags: Row[], choose: (tag: string) => void): { element: HTMLElement; choose(tag: string): void } {
  const buttons = tags.map(({ tag }) =>
    h("button", { type: "button", class: "link", onclick: () => choose(tag) }, signalName(tag)),
  );
  return {
    element: h(
      "ul",
      { class: "shares", "aria-label": "Signals, and how much they have to do with it" },
      tags.map(({ share }, i) =>
        h(
          "li",
          {},
          buttons[i]!,
          h("meter", { min: 0, max: 1, value: share, "aria-label": `of ${tags[i]!.tag}` }),
          percent(share),
        ),
      ),
    ),
    choose: (chosen) => tags.forEach(({ tag }, i) => setAttribute(buttons[i]!, "aria-pressed", String(tag === chosen))),
  };
}

function similarCases(similar: Row[]): HTMLElement | null {
  if (similar.length === 0) return null;
  return h(
    "div",
    {},
    h("h4", {}, "Cases like it"),
    h(
      "ul",
      { class: "plain" },
      similar.map((row) =>
        h(
          "li",
          {},
          `${row.ticket}, ${percent(row.likeness)} alike: ${words(row.state)}${row.reason && `, ${row.reason}`}.`,
        ),
      ),
    ),
  );
}

function evidence(ticket: Row): { element: HTMLElement; update(): void; close(): void } {
  const basis: Row[] = ticket.basis?.length ? ticket.basis : [ticket]; // one that was kept before told of one only
  const tags: Row[] = [...new Map(basis.flatMap((one) => one.tags ?? []).map((one) => [one.tag, one])).values()],
    band = changeBand(placeOf(ticket));
  const trend = new Trend((from, to) => void band.show(from, to).then((marks) => marks && trend.setMarks(marks)));
  const from = Date.parse(ticket.start || ticket.opened),
    to = Date.parse(ticket.end || ticket.opened);
  // How it goes on is for who has it to do; of an old one what was around it.
  const until = (ticketIsOpen(ticket) && engineNow() - from < GOES_ON ? engineNow() : to) + AROUND;
  const signals = shares(tags, show);
  function show(tag: string): void {
    signals.choose(tag);
    trend.show(tag, [from - AROUND, until]);
  }
  if (tags[0]) show(tags[0].tag);
  return {
    element: h(
      "div",
      { class: "evidence" },
      ...basis.flatMap((one) => [
        h("p", {}, basis.length > 1 && `${sentence(findingText(one))} `, h("strong", {}, "What to do: "), one.action),
        h(
          "p",
          { class: "hint" },
          `Found by ${one.detector}, ${when(one)}.${one.cause ? ` Likely cause: ${one.cause}.` : ""}`,
        ),
      ]),
      signals.element,
      similarCases(ticket.similar ?? []),
      trend.element,
      band.element,
    ),
    update: () => trend.update(),
    close: () => trend.close(),
  };
}

// ---- A ticket ----

function questions(again: () => Promise<void>) {
  const send = (ticket: Row, verb: string, body: Row) =>
    change("POST", `/tickets/${part(ticket.ticket)}/${verb}`, body).then(again);
  const close = (verb: string, label: string, text: string) => (ticket: Row) =>
    void ask({
      title: `${label}: ${ticket.ticket}`,
      text,
      fields: [{ ...reasonField, label: "What it was", hint: "The next one like it suggests this." }],
      confirm: label,
      run: (values) => send(ticket, verb, { reason: values.reason }),
    });
  return {
    take: (ticket: Row) => send(ticket, "assign", { to: currentSession()!.user }),
    assign: (ticket: Row) =>
      void ask({
        title: `Assign ${ticket.ticket}`,
        fields: [{ name: "to", label: "To whom", value: ticket.assignee, required: true }],
        confirm: "Assign",
        run: (values) => send(ticket, "assign", { to: values.to }),
      }),
    resolve: close("resolve", "Resolved", "There was something, and it has been seen to."),
    reopen: close("reopen", "Reopen", "It was closed by mistake: what was said of it counts no more."),
    refute: close("false-alarm", "False alarm", "There was nothing: of its like more is asked from now on."),
  };
}

/** What is open of the evidence goes on with what comes. */
type Beat = Set<() => void>;

function ticketCard(again: () => Promise<void>, fault: (text: string) => void, beat: Beat): (ticket: Row) => Part<Row> {
  return (first) => {
    let ticket = first,
      shown: ReturnType<typeof evidence> | null = null;
    const asset = placeOf(first),
      asks = questions(again);
    const state = h("strong", { class: "state" }),
      facts = h("p", { class: "hint" }),
      what = h("p"),
      advice = h("p"),
      box = h("div");
    const button = (label: string, kind: string | null, run: (ticket: Row) => unknown) =>
      h(
        "button",
        {
          type: "button",
          class: kind,
          "aria-label": `${label} ${first.ticket}`,
          onclick: async () => {
            try {
              await run(ticket);
            } catch (error) {
              fault((error as Error).message);
            }
          },
        },
        label,
      );
    const take = button("Take it", "primary", asks.take),
      assign = button("Assign…", null, asks.assign),
      resolve = button("Resolved…", null, asks.resolve),
      refute = button("False alarm…", null, asks.refute),
      reopen = button("Reopen…", null, asks.reopen);
    const goOn = () => shown?.update();
    beat.add(goOn);
    const details = h("details", { ontoggle: () => void open() }, h("summary", {}, "What it rests on"), box);

    async function open(): Promise<void> {
      shown?.close();
      shown = null;
      box.replaceChildren();
      if (!details.open) return;
      try {
        shown = evidence(ticket.detector ? ticket : await get(`/tickets/${part(ticket.ticket)}`));
        box.replaceChildren(shown.element);
      } catch (error) {
        box.replaceChildren(h("p", { class: "fault" }, (error as Error).message));
      }
    }
    return {
      element: h(
        "article",
        { class: "card ticket", "aria-label": `Ticket ${first.ticket}` },
        h(
          "div",
          { class: "card-head" },
          h("h3", {}, h("a", { href: `#/pot/${asset}` }, title(asset)), ` · ${first.ticket}`),
          state,
        ),
        what,
        advice,
        facts,
        h("div", { class: "buttons" }, take, assign, resolve, refute, reopen),
        details,
      ),
      update(next) {
        ticket = next;
        const open = ticketIsOpen(next),
          operate = allowed("operate");
        setText(state, next.state === "assigned" ? `assigned to ${next.assignee}` : words(next.state));
        setAttribute(state, "data-open", open ? "" : null);
        setText(what, sentence(findingText(next)));
        setText(advice, open ? `What to do: ${next.action || "look at the signals"}` : `What it was: ${next.reason}`);
        const many = next.anomalies === 1 ? "1 anomaly" : `${next.anomalies} anomalies`;
        setText(
          facts,
          `score ${score(next.score)} (an alarm from 0.5 on) · ${many} · opened ${moment(next.opened)}, ${span(engineNow() - Date.parse(next.opened))} ago`,
        );
        take.hidden = !operate || !open || next.assignee === currentSession()?.user;
        for (const one of [assign, resolve]) one.hidden = !operate || !open;
        refute.hidden = !operate || !open;
        reopen.hidden = !operate || open;
      },
      close: () => {
        beat.delete(goOn);
        shown?.close();
      },
    };
  };
}

// ---- The page ----

const headings = ["Where", "When", "Score", "What", "Likely cause", "Found by", "Ticket"];

function anomalyRow(): Part<Row> {
  const cells = headings.slice(1).map(() => h("span")),
    where = h("a", {});
  return {
    element: h(
      "tr",
      {},
      cell("Where", where),
      headings.slice(1).map((name, i) => cell(name, cells[i])),
    ),
    update(row) {
      setText(where, title(row.asset));
      where.href = `#/pot/${assetOfSubject(row.asset)}`;
      const needed =
        row.needed > row.score ? `${score(row.score)}; a ticket needs ${score(row.needed)}` : score(row.score);
      [when(row), needed, findingText(row), row.cause, row.detector, row.ticket || "none"].forEach((text, i) =>
        setText(cells[i]!, text),
      );
    },
  };
}

/** Why there is no ticket: nobody looks, or those who look have found nothing. */
function nothing(nodes: Row[], asked: Filter): string {
  if (!nodes.some((node) => node.op === "tickets"))
    return "The running graph has no node tickets: nobody makes tickets of anomalies.";
  const watching = nodes.filter((node) => /^detect(\.|$)/.test(node.op)).map((node) => node.node);
  const watched = watching.length ? ` Watching for what is not as it has been: ${watching.join(", ")}.` : "";
  return `${asked === "to-do" ? "Nothing is to be done." : "There are no tickets."}${watched}`;
}

export function anomaliesView(): View {
  let filter: Filter = "to-do";
  const beat: Beat = new Set();
  const fault = h("p", { class: "fault", role: "alert" }),
    none = h("p", { class: "summary", role: "status" }, "…"),
    cards = h("div", { class: "tickets" });
  const put = keyed<Row>(
    cards,
    (ticket) => ticket.ticket,
    ticketCard(read, (text) => setText(fault, text), beat),
  );
  const { element: found, body } = table("Anomalies", headings, { class: "cards" });
  const putAnomalies = keyed<Row>(body, (row) => `${row.asset} ${row.detector} ${row.start}`, anomalyRow);
  const rest = h("section", {}, h("h2", {}, "Newest anomalies"), h("div", { class: "scroll" }, found));
  const filters: [Filter, string][] = [
    ["to-do", "To do"],
    ["all", "All tickets"],
  ];
  const buttons = filters.map(([name, label]) =>
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          filter = name;
          again();
        },
      },
      label,
    ),
  );

  async function read(): Promise<void> {
    const at = lookedAt(),
      asked = filter;
    const [tickets, anomalies, nodes] = await Promise.all([
      readTickets(asked),
      at === null ? list("/anomalies") : [],
      list("/nodes"),
    ]);
    if (asked !== filter || at !== lookedAt()) return;
    tickets.sort(byUrgency);
    put(tickets.slice(0, MOST));
    putAnomalies(anomalies.sort((a, b) => Date.parse(b.start) - Date.parse(a.start)).slice(0, MOST));
    rest.hidden = anomalies.length === 0;
    for (const [i, [name]] of filters.entries()) setAttribute(buttons[i]!, "aria-pressed", String(name === filter));
    const more = tickets.length > MOST ? `The ${MOST} most urgent of ${tickets.length}.` : "";
    setText(none, tickets.length ? more : at !== null ? "No ticket of that time is kept." : nothing(nodes, asked));
  }
  const again = () =>
    void read().then(
      () => setText(fault, ""),
      (error) => setText(fault, error.message),
    );
  const timer = setInterval(again, EVERY);
  again();
  return {
    title: "Anomalies and tickets",
    element: h(
      "div",
      {},
      h("div", { class: "tools", role: "group", "aria-label": "Which tickets" }, buttons),
      fault,
      none,
      cards,
      rest,
    ),
    update: () => beat.forEach((goOn) => goOn()),
    close: () => {
      clearInterval(timer);
      put([]);
    },
  };
}
