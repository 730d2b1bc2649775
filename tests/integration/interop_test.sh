#!/usr/bin/env bash
# The interop suite against a plant, a broker and an engine of its own (tests/interop/README.md).
set -euo pipefail
exec "$(dirname "$0")/../interop/run" --demo
