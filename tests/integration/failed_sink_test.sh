#!/bin/sh
# A run whose node has failed ends, and says why, though a sink waits for a peer that never comes.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/graph.yaml" <<'END'
potline: 1
name: failed-sink
log: { kind: none }
nodes:
  in: { op: source.generator, tags: "line1.pot{1..4}.v", rate: 100000/s }
  full: { op: sink.csv, from: in, path: /dev/full }
  nobody: { op: sink.socket, from: in, connect: "127.0.0.1:9", header: false }
END
timeout 60 "$POTLINE_BIN/potline" run --quiet "$folder/graph.yaml" 2> "$folder/messages"
code=$?
[ $code -eq 1 ] && grep -q 'node full: /dev/full' "$folder/messages" && exit 0
echo "exit code $code:"
cat "$folder/messages"
exit 1
