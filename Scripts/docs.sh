#!/bin/sh
# Writes the reference of the public API, as static pages, into the folder that is named.
set -eu

target=$1
graphs=.build/symbol-graphs
rm -rf "$graphs" "$target"
mkdir -p "$graphs" "$target"

swift package dump-symbol-graph --minimum-access-level public --skip-synthesized-members >/dev/null
found=$(find .build -path '*/symbolgraph/*' -name '*.symbols.json' | head -n 1)
[ -n "$found" ] || { echo "no symbol graph was written" >&2; exit 1; }
for module in WarrenMachine WarrenEventLoop WarrenSimulator; do
  cp "$(dirname "$found")/$module"*.symbols.json "$graphs"/
done

docc convert --fallback-display-name Warren --fallback-bundle-identifier warren \
  --additional-symbol-graph-dir "$graphs" --output-path "$target" --transform-for-static-hosting
echo "the reference is in $target: serve it with 'python3 -m http.server --directory $target'"
