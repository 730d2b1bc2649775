#!/usr/bin/env bash
# What the binary answers: exit codes, --help everywhere, 'did you mean', data on standard output and the rest not.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
potline="${POTLINE_BIN:-$root/build/release/bin}/potline"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

# answer CODE TEXT COMMAND...: the exit code, and a text that is in what it says (out and err together).
answer() {
  local wanted="$1" text="$2" code=0
  shift 2
  "$@" > out 2> err || code=$?
  if [[ "$code" != "$wanted" ]] || ! grep -q -F -- "$text" <<< "$(cat out err)"; then
    echo "$*: exit code $code (expected $wanted), expected '$text'; it said:"
    cat out err
    exit 1
  fi
}
empty() { [[ ! -s "$1" ]] || { echo "expected nothing in standard $1, found:"; cat "$1"; exit 1; }; }

answer 2 "usage: potline COMMAND" "$potline"
empty out
answer 0 "usage: potline COMMAND" "$potline" --help
empty err
answer 2 'there is no command "chek"; did you mean check?' "$potline" chek
answer 2 'there is no command "chekc"; did you mean check?' "$potline" help chekc
answer 0 "potline " "$potline" version
answer 0 "potline " "$potline" --version
answer 0 '"abi"' "$potline" version --json
for command in $("$potline" --help | sed -n 's/^  \([a-z-]*\)  *[A-Z].*/\1/p'); do
  answer 0 "usage: potline $command" "$potline" "$command" --help
  empty err
  answer 0 "usage: potline $command" "$potline" help "$command"
  answer 2 "there is no option --no-such-option" "$potline" "$command" --no-such-option
done

answer 2 "GRAPH... is missing" "$potline" check
answer 2 'there is no "statu" of standby; did you mean status?' "$potline" standby statu
answer 2 'there is no "x" of keys; there are generate, curve, id, encrypt and rotate' "$potline" keys x
answer 2 "did you mean --json?" "$potline" check --jsn x.yaml
answer 2 "--json takes no value" "$potline" check --json=yes x.yaml
answer 2 "--format needs a value" "$potline" graph x.yaml --format
answer 2 'is one argument too many' "$potline" graph x.yaml y.yaml
answer 2 'x.yaml: no such file' "$potline" check x.yaml
answer 2 'no such file' "$potline" graph -- --x.yaml

cat > good.yaml <<'YAML'
potline: 1
name: good
nodes:
  in: { op: source.modbus, endpoint: plc, registers: [ { tag: line1.pot01.voltage, address: 1 } ] }
  tenths: { op: window.tumbling, from: in, size: 10s }
  gold: { op: sink.lake, zone: gold, from: tenths }
YAML
answer 0 "" "$potline" check good.yaml
empty out
empty err
answer 0 "" "$potline" check - < good.yaml

cat > shared.yaml <<'YAML'
potline: 1
name: shared
log: { kind: kafka, brokers: "127.0.0.1:1", group: plant, timeout: 1s }
nodes:
  in: { op: source.csv, path: rows.csv }
  told: { op: sink.postgres, from: in, table: rows, url: "postgresql://nowhere" }
YAML
answer 1 'told.url is a secret' "$potline" run shared.yaml --data shared.data --set told.url=postgresql://hush@nowhere
! grep -q hush err || { echo "a secret is told"; exit 1; }
answer 2 'godo.yaml: no such file; did you mean good.yaml?' "$potline" check godo.yaml
answer 2 "$work/godo.yaml: no such file; did you mean $work/good.yaml?" "$potline" check "$work/godo.yaml"
(cat good.yaml; echo 'tgas: []') > misspelt.yaml
answer 2 'there is no option "tgas"; did you mean tags?' "$potline" check misspelt.yaml
rm misspelt.yaml
sed 's/10s/10 sec/' good.yaml > bad.yaml
answer 2 'bad.yaml:5:50: tenths.size: "10 sec" is not a duration; write 10s' "$potline" check good.yaml bad.yaml
empty err
answer 2 '"column": 50' "$potline" check --json bad.yaml
answer 2 'tenths.size: "10 sec"' "$potline" graph bad.yaml
empty out
answer 0 "flowchart LR" "$potline" graph good.yaml
answer 0 "digraph" "$potline" graph good.yaml --format dot
answer 2 'is not one of mermaid, dot, json; did you mean dot?' "$potline" graph good.yaml --format=dott
answer 0 '"partitions": 4' "$potline" graph good.yaml --json --set partitions=4
/usr/bin/python3 - out <<'PY'
import json, sys
graph = json.load(open(sys.argv[1]))
assert [n["name"] for n in graph["nodes"]] == ["in", "tenths", "gold"], graph
assert [n["section"] for n in graph["nodes"]] == ["source", "keyed", "keyed"], graph
assert [(e["from"], e["to"], e["kind"]) for e in graph["edges"]] == \
    [("in", "tenths", "samples"), ("tenths", "gold", "windows")], graph
PY

answer 0 "window.tumbling" "$potline" inspect
answer 0 "Length of one window" "$potline" inspect window.tumbling
answer 2 "did you mean window.tumbling?" "$potline" inspect window.tumblin
answer 0 '"name": "window.tumbling"' "$potline" inspect window.tumbling --json
for form in --json --schema; do
  answer 0 "" "$potline" inspect "$form"
  /usr/bin/python3 -m json.tool out > /dev/null
done

# A first row that is taken for a header is told.
printf '1750000000000000000,a.v,1.5\n1750000001000000000,a.v,2.5\n' > rows.csv
printf '%s\n' 'potline: 1' 'name: rows' 'log: { kind: none }' 'nodes:' '  in: { op: source.csv, path: rows.csv }' \
  '  out: { op: sink.null, from: in }' > rows.yaml
answer 2 "rows.yaml: is a graph, not a test of one; its tests would be in rows.test.yaml" "$potline" test rows.yaml
answer 2 "--tap has no place for --coverage" "$potline" test --tap --coverage rows.test.yaml
answer 0 "rows.csv:1: the first line is taken for a header, and looks like data" "$potline" run --until-eof rows.yaml
sed -i '1i time_ns,tag,value' rows.csv
answer 0 "2 rows" "$potline" run --until-eof rows.yaml
! grep -q "looks like data" err || { cat err; exit 1; }

# Output that cannot be written is a failure; a reader that has seen enough is none to speak of.
answer 1 "standard output" bash -c "'$potline' inspect --json > /dev/full"
answer 0 "141" bash -c "'$potline' inspect --json 2> told | head -1 > /dev/null; echo \${PIPESTATUS[0]}"
[[ ! -s told ]] || { cat told; exit 1; }
echo "the binary answers as it should"
