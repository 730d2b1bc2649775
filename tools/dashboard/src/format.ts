// How values, ages and moments are written.

const digits: Record<string, number> = {
  V: 2,
  kA: 1,
  degC: 1,
  mm: 1,
  cm: 1,
  mV: 1,
  uohm: 2,
  kg: 1,
  "%": 1,
  "wt%": 2,
  K: 1,
  min: 0,
  kW: 0,
  MW: 2,
  MWh: 2,
  t: 2,
  "kWh/t": 0,
};
const units: Record<string, string> = { degC: "°C", uohm: "µΩ", ohm: "Ω", m3: "m³" };

/** "uohm/s" as people write it: each part of it by itself. */
export function unitText(unit: string): string {
  return unit
    .split("/")
    .map((one) => units[one] ?? one)
    .join("/");
}

export function number(value: unknown, unit = ""): string {
  if (typeof value === "string") return value;
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  const places = digits[unit];
  if (places !== undefined) return value.toFixed(places);
  if (Number.isInteger(value)) return String(value);
  if (Math.abs(value) < 1e-9) return "0"; // what rounding has left
  return Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

export function withUnit(value: unknown, unit: string): string {
  const text = number(value, unit);
  return unit && text !== "–" ? `${text} ${unitText(unit)}` : text;
}

/** "once", "3 times". */
export function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

export function span(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 120) return `${s.toFixed(0)} s`;
  if (s < 7200) return `${(s / 60).toFixed(0)} min`;
  return s < 172800 ? `${(s / 3600).toFixed(0)} h` : `${(s / 86400).toFixed(0)} d`;
}

/** Of a duration as options write it: "1h", "1h30m"; 0: it is none. */
export function milliseconds(duration: string): number {
  const of: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * of[unit!]!,
    0,
  );
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** As on the axes, whatever the browser's language. */
function day(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** Local time; with the date when it is not today's. */
export function moment(time: string | number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "–";
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : `${day(at)} ${clock.format(at)}`;
}

/** "bad|spike" as people read it. */
export function quality(text: string): string {
  const [level, ...why] = text.split("|");
  return why.length ? `${level}: ${why.join(", ").replaceAll("_", " ")}` : level!;
}
