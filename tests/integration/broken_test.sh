#!/usr/bin/env bash
# Every graph in broken/ gives exactly the messages of its .expected file, and exit code 2 when one of them is an error.
# With --write the messages found become the expected ones (to be read before they are committed).
set -euo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
potline="${POTLINE_BIN:-$root/build/release/bin}/potline"
cd "$(dirname "$0")/broken"
unset PLC_OF_NOBODY POLL_OF_NOBODY

failed=0 count=0
for graph in *.yaml; do
  expected="${graph%.yaml}.expected"
  code=0
  found="$("$potline" check "$graph")" || code=$?
  if [[ "${1:-}" == --write ]]; then
    printf '%s\n' "$found" > "$expected"
    continue
  fi
  count=$((count + 1))
  wanted=0
  grep -q -v ': warning: ' "$expected" && wanted=2
  if [[ "$found" != "$(cat "$expected")" || "$code" != "$wanted" ]]; then
    echo "$graph: exit code $code (expected $wanted)"
    diff -u "$expected" - <<< "$found" || true
    failed=$((failed + 1))
  fi
done
echo "$count broken graphs, $failed of them with other messages than expected"
(( failed == 0 ))
