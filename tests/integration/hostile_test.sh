#!/usr/bin/env bash
# Graph files that nobody would write: `potline check` refuses them with a message, soon, and does not crash.
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
potline="${POTLINE_BIN:-$root/build/release/bin}/potline"
graphs="$root/graphs"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"

# refuse FILE TEXT: exit code 2 and a message that holds TEXT.
refuse() {
  local code=0
  timeout 60 "$potline" check "$1" > found 2>&1 || code=$?
  if [[ "$code" != 2 ]] || ! grep -q -F -- "$2" found; then
    echo "$1: exit code $code, expected 2 with '$2'; it said:"
    head -c 2000 found
    exit 1
  fi
}

printf '[%.0s' $(seq 100000) > deep-list.yaml
refuse deep-list.yaml "nested more than 32 deep"
printf '{a: %.0s' $(seq 100000) > deep-map.yaml
refuse deep-map.yaml "nested more than 32 deep"
printf -- '- %.0s' $(seq 100000) > deep-dashes.yaml
refuse deep-dashes.yaml "nested more than 32 deep"
head -c 16777217 /dev/zero | tr '\0' a > too-large.yaml
refuse too-large.yaml "larger than 16 MiB"
head -c 16777216 /dev/zero | tr '\0' a > one-word.yaml
refuse one-word.yaml "a graph file is a map"
seq -f '- %.0f' 1100000 > many-values.yaml
refuse many-values.yaml "more than 1,000,000 values"
seq -f 'key%.0f: 1' 400000 > many-keys.yaml
refuse many-keys.yaml "more problems are not shown"
seq -f 'key: %.0f' 400000 > one-key.yaml
refuse one-key.yaml '"key" is given twice, first at 1:1'
head -c 4194304 /dev/zero > zeros.yaml
refuse zeros.yaml "control character U+0000"
(printf 'potline: 1\nname: x\nnodes:\n'
 printf '  n-{a}-{b}: { foreach: { a: 1..300, b: 1..300 }, op: filter, from: "n-*", include: [ { foreach: { c: 1..100 }, x: "{c}" } ] }\n') > copies.yaml
refuse copies.yaml "the graph becomes too large"
printf 'potline: 1\nname: x\ninclude: /dev/zero\ntags: /dev/tty\n' > devices.yaml
refuse devices.yaml 'include "/dev/zero": not a regular file'
mkdir folder.yaml
refuse folder.yaml "a folder"
refuse nowhere.yaml "no such file"
mkfifo pipe
printf 'potline: 1\nname: x\ninclude: pipe\n' > waits.yaml
refuse waits.yaml 'include "pipe": not a regular file'

# A graph that is changed at random may be good or bad, and nothing else.
cat > mutate.py <<'PY'
import random, sys
random.seed(int(sys.argv[2]))
text = bytearray(open(sys.argv[1], 'rb').read())
for _ in range(random.randint(1, 12)):
    at = random.randrange(len(text))
    kind = random.randrange(4)
    if kind == 0: text[at] = random.randrange(256)
    elif kind == 1: del text[at:at + random.randint(1, 40)]
    elif kind == 2: text[at:at] = random.choice([b'{', b'[', b'"', b"'", b': ', b'- ', b'\n', b'&a ', b'*a', b'${', b'\t', b'|', b'\xff'])
    else: text[at:at] = text[random.randrange(len(text)):][:random.randint(1, 80)]
    if not text: text = bytearray(b'x')
sys.stdout.buffer.write(text)
PY
rounds=20
[[ -z "${POTLINE_BRIEF:-}" ]] || rounds=7
[[ -z "${POTLINE_LONG:-}" ]] || rounds=300
for seed in $(seq "$rounds"); do
  for graph in "$graphs"/*.yaml; do
    /usr/bin/python3 mutate.py "$graph" "$seed" > mutant.yaml
    code=0
    timeout 60 "$potline" check mutant.yaml > found 2>&1 || code=$?
    if [[ "$code" != 0 && "$code" != 2 ]]; then
      echo "$graph changed with seed $seed: exit code $code"
      exit 1
    fi
  done
done
echo "refused, and nothing crashed in $rounds rounds of changes"
