// The newest fields over positions of an asset, as a twin tells them: temperatures through the lining, and others.
import { list, part, type Row } from "../api";
import { h, keyed, setAttribute, setText, type Part } from "../dom";
import { moment, number, quality } from "../format";
import { engineNow } from "../live";

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

/** Hidden where no twin tells of the asset. */
export function profiles(asset: string): { element: HTMLElement; close(): void } {
  const figures = h("div", { class: "profiles" }),
    put = keyed<Row>(figures, (row) => row.quantity, figure);
  const element = h("section", { hidden: true }, h("h2", {}, "Twin"), figures);
  async function read(): Promise<void> {
    const rows = await list(
      `/profiles?asset=${part(asset)}&from=${new Date(engineNow() - BACK).toISOString()}`,
      20_000,
    );
    const newest = new Map<string, Row>();
    for (const row of rows)
      if (row.values?.length && !(newest.get(row.quantity)?.time > row.time)) newest.set(row.quantity, row);
    put([...newest.values()]);
    element.hidden = newest.size === 0;
  }
  const again = () => void read().catch(() => {}); // the shell tells when the engine is not reached
  const timer = setInterval(again, EVERY);
  again();
  return { element, close: () => clearInterval(timer) };
}
