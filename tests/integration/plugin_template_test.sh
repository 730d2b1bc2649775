#!/usr/bin/env bash
# Installs into an empty prefix and builds the plugin template there, by CMake and by pkg-config, as a stranger would.
set -euo pipefail
if grep -q '^POTLINE_SANITIZE:[^=]*=.' "$POTLINE_BUILD/CMakeCache.txt"; then
  echo "skipped: a sanitizer's engine takes no plugins built without it"
  exit 77
fi
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$POTLINE_BUILD" --prefix "$prefix/usr" >/dev/null
cp -r tools/plugin-template "$prefix/plugin"
cd "$prefix/plugin"

cmake -B build -DCMAKE_PREFIX_PATH="$prefix/usr" -DCMAKE_C_FLAGS="${POTLINE_TEST_CFLAGS:-}" >/dev/null
cmake --build build >/dev/null
ctest --test-dir build --output-on-failure | tail -n 3

PKG_CONFIG_PATH=$(dirname "$(find "$prefix/usr" -name potline.pc)")
export PKG_CONFIG_PATH
mkdir by-hand
# shellcheck disable=SC2046
cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fPIC -shared $(pkg-config --cflags potline) \
  -o by-hand/libscale.so scale.c

printf '1000,line1.pot01.voltage,2.5\n2000,line1.pot01.voltage,4\n' > in.csv
for folder in build by-hand; do
  POTLINE_PLUGIN_PATH="$PWD/$folder" IN=in.csv OUT=out.csv "$prefix/usr/bin/potline" run scale.yaml --until-eof --quiet
  diff out.csv - <<< $'1000,line1.pot01.voltage,5\n2000,line1.pot01.voltage,8'
done

# The rule library has come along, and a graph anywhere finds it.
cat > rules.yaml <<'GRAPH'
potline: 1
name: rules
log: { kind: none }
nodes:
  in: { op: source.csv, path: "${IN}", header: false }
  watch: { op: rules, from: in, scripts: [ "${POTLINE_SHARE}/lua", "${POTLINE_SHARE}/lua/noise.lua" ] }
  out: { op: sink.csv, from: watch, path: "${OUT}" }
GRAPH
IN=in.csv OUT=out.csv "$prefix/usr/bin/potline" check rules.yaml > said && exit 1
[[ $(grep -c "$prefix/usr/share/potline/lua/noise.lua:.*rule noise is there already" said) == 1 ]]
sed -i 's#, "[^"]*noise.lua"##' rules.yaml
IN=in.csv OUT=out.csv "$prefix/usr/bin/potline" run rules.yaml --until-eof --quiet
[[ ! -e $prefix/usr/share/potline/lua/bench ]]

# A plugin built for another contract is refused, saying what differs, and is not looked at further.
sed 's/PL_ABI_MAJOR [0-9]*/PL_ABI_MAJOR 7/' "$prefix/usr/include/potline/abi.h" > abi.h
mkdir -p foreign/potline && cp -r "$prefix/usr/include/potline" foreign/ && cp abi.h foreign/potline/abi.h
mkdir wrong && cc -std=c11 -fPIC -shared -Iforeign -o wrong/libscale.so scale.c
POTLINE_PLUGIN_PATH="$PWD/wrong" "$prefix/usr/bin/potline" inspect scale > said 2>&1 && exit 1
grep -qE 'built for ABI 7\.[0-9]+, engine offers 3\.[0-9]+' said
echo "plugin template: built and run by CMake and by pkg-config; a foreign ABI is refused"
