#!/usr/bin/env bash
# The clean-window and clean-filter jobs over a million rows, held against awk row for row: without a log and with one, with one
# partition and with four, from a file, from a pipe and from packed files.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rows=1000000
[[ -n "${POTLINE_LONG:-}" ]] && rows=10000000

"$POTLINE_BIN/bench_gen" -n "$rows" -o "$work/in.csv" 2>"$work/said"
cat "$work/said"

mawk -v OUT="$work/awk.csv" -f tests/bench/clean_window.awk "$work/in.csv"
sort "$work/awk.csv" > "$work/expected.csv"

# The windows as they are, but for a last digit that %.6f of two programs may round differently.
compare() {
  sort "$work/out.csv" | paste -d, - "$work/expected.csv" | mawk -F, -v what="$1" '
    NF != 14 { print what ": window " NR " has no counterpart: " $0; bad = 1; exit }
    { for (i = 1; i <= 7; i++) { d = $i - $(i + 7); if ($i != $(i + 7) && (i < 4 || d > 2e-6 || d < -2e-6)) { print what ": " $0; bad = 1; exit } } }
    END { if (!bad) print what ": " NR " windows agree"; exit bad }'
}

run() { "$POTLINE_BIN/potline" run "$@" --until-eof --quiet 2> >(grep -v 'log.kind' >&2); }

export IN="$work/in.csv" OUT="$work/out.csv"
LOG=none run graphs/clean-window.yaml; compare "no log"
LOG=embedded run graphs/clean-window.yaml; compare "bronze log"

sed 's/^log:.*/&\npartitions: 4/' graphs/clean-window.yaml > "$work/four.yaml"
LOG=embedded run "$work/four.yaml"; compare "four partitions"

LOG=none IN=- run graphs/clean-window.yaml < "$work/in.csv"; compare "standard input"
gzip -1 -k "$work/in.csv"; zstd -q -1 "$work/in.csv"
LOG=none IN="$work/in.csv.gz" run graphs/clean-window.yaml; compare "gzip"
LOG=none IN="$work/in.csv.zst" run graphs/clean-window.yaml; compare "zstd"

# The filter passes on the rows that awk keeps: times and tags as text, values as numbers.
LOG=embedded run graphs/clean-filter.yaml
mawk -F, 'BEGIN { hi["voltage"] = 10; hi["current"] = 400; lo["bath_temp"] = 800; hi["bath_temp"] = 1100; hi["anode_pos"] = 1000; hi["noise"] = 500 }
  { n = split($2, part, "."); s = part[n]; if ($3 == "" || $3 == "NaN" || $3 + 0 < lo[s] + 0 || $3 + 0 > hi[s]) next; printf "%s,%s,%.6f\n", $1, $2, $3 }' "$work/in.csv" > "$work/kept.csv"
mawk -F, '{ printf "%s,%s,%.6f\n", $1, $2, $3 }' "$work/out.csv" | cmp - "$work/kept.csv"
echo "filter: $(wc -l < "$work/kept.csv") rows agree"
