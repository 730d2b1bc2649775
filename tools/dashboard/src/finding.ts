// What a detector has found, in words: of anomalies, of tickets, and of the events of both.
import type { Row } from "./api";

const MUCH = 0.2; // of what a detector has found, by signal

/** Without its asset. */
export const signalName = (tag: unknown) =>
  String(tag).split(".").slice(2).join(".").replaceAll("_", " ") || String(tag);

/** The signals that have most to do with it, without their asset. */
function signalsOf(row: Row): string {
  const tags: Row[] = row.tags ?? [],
    most = Math.max(...tags.map((one) => one.share));
  return tags
    .filter((one) => one.share >= Math.min(MUCH, most))
    .map((one) => signalName(one.tag))
    .join(", ");
}

/** What was found, and in what. */
export function findingText(row: Row): string {
  const signals = signalsOf(row),
    what = row.explanation || "an anomaly, without an explanation";
  return signals ? `${signals}: ${what}` : what;
}
