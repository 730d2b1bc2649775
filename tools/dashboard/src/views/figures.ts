// The key figures that are shown, and how they are written.
import { number } from "../format";

export const SHOWN: Record<string, { label: string; unit: string; less: boolean }> = {
  kwh_per_t: { label: "Energy", unit: "kWh/t", less: true },
  co2e: { label: "CO₂e", unit: "kg/t", less: true },
  throughput: { label: "Throughput", unit: "t/d", less: false },
  current_efficiency: { label: "Current efficiency", unit: "%", less: false },
  anode_effects: { label: "Anode effects", unit: "per pot-day", less: true },
};

export function figureText(figure: string, value: unknown): string {
  // Small ones (of a pot, of a good day) to two places.
  if (figure === "throughput" || figure === "anode_effects") return number(value, Number(value) < 10 ? "t" : "%");
  return number(value, { kwh_per_t: "kWh/t", co2e: "kW", current_efficiency: "%" }[figure] ?? "");
}
