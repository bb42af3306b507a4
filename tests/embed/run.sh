#!/usr/bin/env bash
# Installs the build into a folder of its own and builds the consumers against it, by CMake and by pkg-config; runs them.
set -euo pipefail
build=$1
compiler_c=$2
compiler_cpp=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/prefix" > /dev/null

cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_C_COMPILER="$compiler_c" \
  -DCMAKE_CXX_COMPILER="$compiler_cpp" > /dev/null
cmake --build "$work/build" > /dev/null
[ "$("$work/build/consumer_c")" = regolith ]
[ "$("$work/build/consumer_cpp")" = "host device alive" ]

libraries=$(find "$work/prefix" -name regolith.pc -printf '%h\n')
export PKG_CONFIG_PATH=$libraries
# shellcheck disable=SC2046
"$compiler_c" -std=c17 -Wall -Wextra -Werror "$here/consumer.c" -o "$work/by_pkg_config" \
  $(pkg-config --cflags --libs regolith)
[ "$(LD_LIBRARY_PATH=$libraries/.. "$work/by_pkg_config")" = regolith ]

# Only the public functions are visible.
shared=$(find "$work/prefix" -name 'libregolith.so')
others=$(nm -D --defined-only "$shared" | awk '{print $3}' | grep -v '^rg_' || true)
if [ -n "$others" ]; then
  echo "symbols beside rg_*: $others" >&2
  exit 1
fi

# The installed interpreter and module work where they lie.
"$work/prefix/bin/regolith" --version | grep -q '^regolith '
module=$(find "$work/prefix" -name regolith.so -printf '%h\n')
LUA_CPATH="$module/?.so" lua5.4 -e 'assert(require("regolith").version)'
echo "embed: all consumers work"
