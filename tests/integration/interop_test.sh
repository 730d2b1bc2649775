#!/usr/bin/env bash
# The interop suite against a plant, a broker and an engine of its own (tests/interop/README.md); its long form has OPC UA.
set -euo pipefail
exec "$(dirname "$0")/../interop/run" --demo ${POTLINE_LONG:+--opcua}
