// What a twin tells of an asset: its figures, its side walls with their ledge to scale, and fields over positions.
import { list, part, type Row } from "../api";
import { h, keyed, setAttribute, setText, type Part } from "../dom";
import { moment, number, quality, span, withUnit } from "../format";
import { atQuery, engineNow } from "../live";

const EVERY = 10_000;
const BACK = 3_600_000; // older fields tell nothing of now
const WIDTH = 420,
  HEIGHT = 150,
  LEFT = 56,
  BOTTOM = 26,
  TOP = 10;

function svg(name: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text) element.textContent = text;
  return element;
}

function extent(values: number[]): [number, number] {
  const least = Math.min(...values),
    most = Math.max(...values);
  return most > least ? [least, most] : [least - 1, most + 1];
}

/** Positions to scale along the width; least and greatest value beside it. */
function draw(positions: number[], values: number[]): SVGElement[] {
  const points = positions
    .map((x, i) => [x, values[i]] as const)
    .filter((p): p is [number, number] => Number.isFinite(p[0]) && Number.isFinite(p[1]));
  if (points.length === 0) return [];
  const [x0, x1] = extent(points.map((p) => p[0])),
    [y0, y1] = extent(points.map((p) => p[1]));
  const right = WIDTH - 12,
    base = HEIGHT - BOTTOM;
  const x = (at: number) => LEFT + ((at - x0) / (x1 - x0)) * (right - LEFT),
    y = (value: number) => base - ((value - y0) / (y1 - y0)) * (base - TOP);
  return [
    svg("path", { class: "frame", d: `M${LEFT} ${TOP}V${base}H${right}` }),
    svg("polyline", {
      class: "trace",
      points: points.map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(" "),
    }),
    svg("text", { x: LEFT - 5, y: TOP + 9, "text-anchor": "end" }, number(y1)),
    svg("text", { x: LEFT - 5, y: base, "text-anchor": "end" }, number(y0)),
    svg("text", { x: LEFT, y: HEIGHT - 8 }, `${number(x0)} m`),
    svg("text", { x: right, y: HEIGHT - 8, "text-anchor": "end" }, `${number(x1)} m`),
  ];
}

function figure(): Part<Row> {
  const name = h("figcaption"),
    canvas = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  const element = h("figure", { class: "card" }, name, canvas);
  return {
    element,
    update(row) {
      setText(name, `${row.quantity}, ${moment(row.time)}, ${quality(row.quality)}`);
      const values = row.values as number[],
        positions = row.positions as number[];
      setAttribute(
        canvas,
        "aria-label",
        `${row.quantity} from ${number(values[0])} at ${number(positions[0])} m to ${number(values.at(-1))} at ${number(positions.at(-1))} m`,
      );
      canvas.replaceChildren(...draw(positions, values));
    },
  };
}

// ---- The side wall, to scale ----

const levels: [string, string, string][] = [
  ["bath_wall", "ledge", "Side wall at the bath's level"],
  ["metal_wall", "ledge_metal", "Side wall at the metal's level"],
];
const PER_METRE = 700; // of the drawing's width; the same for every wall, so that they can be compared
const THICK = 70;

interface Wall {
  name: string;
  caption: string;
  profile: Row;
  ledge: number; // m
}

/** Bath on the left, then frozen ledge, then lining to the shell; below it a rule of 10 cm. */
function drawWall({ profile, ledge }: Wall): SVGElement[] {
  const positions = profile.positions as number[],
    values = profile.values as number[];
  const whole = positions.at(-1)!,
    x = (at: number) => LEFT + at * PER_METRE,
    top = 46,
    base = top + THICK;
  const [least, most] = extent(values),
    y = (value: number) => base - ((value - least) / (most - least)) * THICK;
  const ticks = Array.from({ length: Math.floor(whole * 10 + 1e-9) + 1 }, (_, i) => i / 10);
  return [
    svg("rect", { class: "bath", x: 8, y: top, width: LEFT - 8, height: THICK }),
    svg("rect", { class: "ledge", x: x(0), y: top, width: ledge * PER_METRE, height: THICK }),
    svg("rect", { class: "lining", x: x(ledge), y: top, width: (whole - ledge) * PER_METRE, height: THICK }),
    svg("polyline", {
      class: "trace",
      points: positions.map((at, i) => `${x(at).toFixed(1)},${y(values[i]!).toFixed(1)}`).join(" "),
    }),
    svg("text", { x: 10, y: top - 6 }, `${number(values[0], "degC")} °C`),
    svg("text", { x: x(whole), y: top - 6, "text-anchor": "end" }, `shell ${number(values.at(-1), "degC")} °C`),
    svg("text", { x: x(0), y: top - 24 }, `ledge ${(100 * ledge).toFixed(1)} cm`),
    ...ticks.flatMap((at) => [
      svg("path", { class: "frame", d: `M${x(at)} ${base}v6` }),
      svg("text", { x: x(at), y: base + 19, "text-anchor": "middle" }, `${Math.round(at * 100)}`),
    ]),
    svg("text", { x: 10, y: base + 19 }, "cm"),
  ];
}

function wallFigure(): Part<Wall> {
  const name = h("figcaption"),
    canvas = svg("svg", { role: "img" });
  return {
    element: h("figure", { class: "card" }, name, canvas),
    update(wall) {
      const whole = (wall.profile.positions as number[]).at(-1)!;
      setText(name, `${wall.caption}, to scale, ${moment(wall.profile.time)}, ${quality(wall.profile.quality)}`);
      canvas.setAttribute("viewBox", `0 0 ${Math.max(WIDTH, LEFT + whole * PER_METRE + 16)} 142`);
      canvas.setAttribute(
        "aria-label",
        `${wall.caption}: ${(100 * wall.ledge).toFixed(1)} cm of ledge on ${(100 * (whole - wall.ledge)).toFixed(1)} cm of lining`,
      );
      canvas.replaceChildren(...drawWall(wall));
    },
  };
}

// ---- Figures ----

// Of what a twin of a cell tells; what is not here has none.
const units: Record<string, string> = {
  alumina: "wt%",
  superheat: "K",
  liquidus: "degC",
  ledge: "mm",
  ledge_metal: "mm",
  undissolved: "kg",
  bath_temp: "degC",
  alf3: "wt%",
  bath: "kg",
  metal: "kg",
  acd: "mm",
  voltage: "V",
  current_efficiency: "%",
  anode_effect_risk: "%",
  anode_effect_minutes: "min",
  health: "%",
  feed_share: "%",
  heat_correction: "kW",
  alumina_correction: "kg",
  alumina_sd: "wt%",
};
const shares = new Set(["current_efficiency", "anode_effect_risk", "health", "feed_share"]); // told from 0 to 1
const names: Record<string, string> = {
  acd: "anode distance",
  alf3: "AlF₃",
  anode_effect_minutes: "anode effect in",
  health: "twin fits to",
};
// What who runs a pot asks first; the rest is for who wonders why.
const first = [
  "alumina",
  "superheat",
  "bath_temp",
  "liquidus",
  "ledge",
  "ledge_metal",
  "acd",
  "current_efficiency",
  "anode_effect_risk",
  "health",
];

// Parts of the voltage are u_...
const unitOf = (what: string) => units[what] ?? (what.startsWith("u_") ? "V" : "");
const whatOf = (row: Row) => String(row.tag).split(".twin.")[1] ?? "";

function figurePart(): Part<Row> {
  const name = h("dt"),
    value = h("dd");
  return {
    element: h("div", {}, name, value),
    update(row) {
      const what = whatOf(row);
      setText(name, names[what] ?? what.replaceAll("_", " "));
      setText(value, withUnit(shares.has(what) && row.value !== null ? 100 * row.value : row.value, unitOf(what)));
      const level = String(row.quality).split("|")[0]!;
      setAttribute(value, "data-standing", level === "good" ? null : level);
    },
  };
}

/** Hidden where no twin tells of the asset. */
export function profiles(asset: string): { element: HTMLElement; close(): void } {
  const figures = h("div", { class: "profiles" }),
    put = keyed<Row>(figures, (row) => row.quantity, figure),
    values = h("dl", { class: "figures" }),
    putValues = keyed<Row>(values, (row) => row.tag, figurePart),
    others = h("dl", { class: "figures" }),
    putOthers = keyed<Row>(others, (row) => row.tag, figurePart),
    walls = h("div", { class: "profiles" }),
    putWalls = keyed<Wall>(walls, (wall) => wall.name, wallFigure);
  const since = h("p", { class: "hint" });
  const rest = h("details", {}, h("summary", {}, "All that the twin tells"), others, figures);
  const element = h("section", { hidden: true }, h("h2", {}, "Twin"), values, since, walls, rest);
  async function read(): Promise<void> {
    const now = engineNow();
    const range = `from=${new Date(now - BACK).toISOString()}&to=${new Date(now + 1).toISOString()}`;
    const [rows, told] = await Promise.all([
      list(`/profiles?asset=${part(asset)}&${range}`, 20_000),
      list(`/readings?zone=gold&within=15m&tags=${part(`${asset}.twin.*`)}${atQuery("&")}`, 1000),
    ]);
    const newest = new Map<string, Row>();
    for (const row of rows)
      if (row.values?.length && !(newest.get(row.quantity)?.time > row.time)) newest.set(row.quantity, row);
    const drawn = levels.flatMap(([name, tag, caption]) => {
      const profile = newest.get(name),
        ledge = told.find((row) => row.tag === `${asset}.twin.${tag}`)?.value / 1000;
      return profile && Number.isFinite(ledge) ? [{ name, caption, profile, ledge }] : [];
    });
    const rank = (row: Row) => first.indexOf(whatOf(row));
    const main = told.filter((row) => rank(row) >= 0).sort((a, b) => rank(a) - rank(b));
    putValues(main.length ? main : told);
    putOthers(main.length ? told.filter((row) => rank(row) < 0) : []);
    rest.hidden = main.length === told.length && newest.size === drawn.length;
    if (element.hidden && main.length === 0) rest.open = true; // of another model nothing is known to come first
    putWalls(drawn);
    put([...newest.values()].filter((row) => !drawn.some((wall) => wall.name === row.quantity)));
    setText(since, told[0] ? `As of ${moment(told[0].time)}, ${span(now - Date.parse(told[0].time))} ago.` : "");
    element.hidden = newest.size === 0 && told.length === 0;
  }
  const again = () => void read().catch(() => {}); // the shell tells when the engine is not reached
  const timer = setInterval(again, EVERY);
  again();
  return { element, close: () => clearInterval(timer) };
}
