#!/usr/bin/env bash
# Makes a plugin of each kind with `potline new-operator` and builds it outside the tree as a stranger would: by CMake and
# by make with pkg-config, against an installation and against the build tree; and what an installation has besides.
set -euo pipefail
if grep -q '^POTLINE_SANITIZE:[^=]*=.' "$POTLINE_BUILD/CMakeCache.txt"; then
  echo "skipped: a sanitizer's engine takes no plugins built without it"
  exit 77
fi
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

cmake --install "$POTLINE_BUILD" --prefix "$prefix/usr" >/dev/null
potline="$prefix/usr/bin/potline"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix/usr" -name potline.pc)")
installed=$PKG_CONFIG_PATH
cflags="-Wall -Wextra -Wpedantic -Werror ${POTLINE_TEST_CFLAGS:-}"
cd "$prefix"

for kind in filter source sink; do
  "$potline" new-operator "my_$kind" --kind "$kind" --dir "$kind" > wrote
  [[ $(grep -c "^wrote $kind/" wrote) == 7 ]]
  if grep -rqi example "$kind" || [[ -n $(find "$kind" -name "*example*") ]]; then echo "example is left in $kind"; exit 1; fi
done
# The installation by CMake and the build tree by make for each kind; the other way round for one.
for kind in filter source sink; do
  cmake -S "$kind" -B "$kind/build" -DCMAKE_PREFIX_PATH="$prefix/usr" -DCMAKE_C_FLAGS="$cflags" >/dev/null
  cmake --build "$kind/build" >/dev/null
  ctest --test-dir "$kind/build" --output-on-failure | grep 'tests passed'
  PKG_CONFIG_PATH=$POTLINE_BUILD make -C "$kind" check build=by-hand CFLAGS="$cflags" | grep -E 'all well|1 passed'
done
cmake -S filter -B filter/tree -DCMAKE_PREFIX_PATH="$POTLINE_BUILD" -DCMAKE_C_FLAGS="$cflags" >/dev/null
cmake --build filter/tree >/dev/null
ctest --test-dir filter/tree --output-on-failure | grep 'tests passed'
PKG_CONFIG_PATH=$installed make -C filter check build=by-make CFLAGS="$cflags" | grep -E 'all well|1 passed'

# A build folder that has not all of it says what to build.
mkdir unbuilt
cp "$POTLINE_BUILD"/potline*.cmake "$POTLINE_BUILD"/PotlinePlugin.cmake unbuilt/
sed -i 's#/lib/libpotline#/not-there/libpotline#' unbuilt/potlineTargets.cmake
if cmake -S filter -B filter/unbuilt -Dpotline_DIR="$PWD/unbuilt" > said 2>&1; then cat said; exit 1; fi
tr -s '\n ' ' ' < said | grep -q 'has not been built yet: cmake --build .* --target programs' || { cat said; exit 1; }

printf '1000,line1.pot01.voltage,2.5\n2000,line1.pot01.voltage,4\n' > in.csv
for folder in build by-hand tree by-make; do
  POTLINE_PLUGIN_PATH="$PWD/filter/$folder" "$potline" run filter/my_filter.yaml --until-eof --quiet
  diff out.csv - <<< $'1000,line1.pot01.voltage,5\n2000,line1.pot01.voltage,8'
done
POTLINE_PLUGIN_PATH="$PWD/sink/build" "$potline" run sink/my_sink.yaml --until-eof --quiet
diff out.txt - <<< $'line1.pot01.voltage 2.5\nline1.pot01.voltage 4'
POTLINE_PLUGIN_PATH="$PWD/source/build" "$potline" run source/my_source.yaml --until-eof --quiet
[[ $(cut -d, -f2-4 out.csv) == $'line1.pot01.voltage,5,2\nline1.pot01.voltage,5,7' ]]

# The tests of a skeleton fail when what they test is broken.
for kind in filter source sink; do
  cp -r "$kind" broken && rm -rf broken/by-*
  sed -i 's/ \* e->factor//; s/e->row++/e->row += 2/; s/ftruncate(e->fd, (off_t)e->offset)/0/' broken/*.c
  if make -C broken check build=by-hand CFLAGS= PKG_CONFIG_PATH="$installed" > said 2>&1; then cat said; exit 1; fi
  grep -q 'not so' said
  rm -rf broken
done

# Names that would not do, and folders that are there.
refused() {
  local hint=$1; shift
  if "$potline" new-operator "$@" > said 2>&1; then echo "was taken: $*"; exit 1; fi
  grep -q "$hint" said || { cat said; exit 1; }
}
refused 'is no name' Rate
refused 'is no name' struct
refused 'is no name' 9lives
refused 'is no name' ../rate
refused 'operator cleanse already' cleanse
refused 'operator sink.csv already' csv --kind sink
refused 'did you mean source' rate --kind sorce
refused 'not empty' rate --dir filter
refused 'No such file' rate --dir no/where
POTLINE_SHARE=/nonexistent refused 'no plugin template' rate
[[ ! -e rate ]]

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
IN=in.csv OUT=out.csv "$potline" check rules.yaml > said && exit 1
[[ $(grep -c "$prefix/usr/share/potline/lua/noise.lua:.*rule noise is there already" said) == 1 ]]
sed -i 's#, "[^"]*noise.lua"##' rules.yaml
IN=in.csv OUT=out.csv "$potline" run rules.yaml --until-eof --quiet
[[ ! -e $prefix/usr/share/potline/lua/bench ]]

# A plugin built for another contract is refused, saying what differs, and is not looked at further.
sed 's/PL_ABI_MAJOR [0-9]*/PL_ABI_MAJOR 7/' "$prefix/usr/include/potline/abi.h" > abi.h
mkdir -p foreign/potline && cp -r "$prefix/usr/include/potline" foreign/ && cp abi.h foreign/potline/abi.h
mkdir wrong && cc -std=c11 -fPIC -shared -Iforeign -o wrong/libmy_filter.so filter/my_filter.c
POTLINE_PLUGIN_PATH="$PWD/wrong" "$potline" inspect my_filter > said 2>&1 && exit 1
grep -qE 'built for ABI 7\.[0-9]+, engine offers 4\.[0-9]+' said
echo "plugin template: three kinds built and run by CMake and by pkg-config; a foreign ABI is refused"
