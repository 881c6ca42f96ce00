#!/bin/sh
# Writes the guide and the reference of the public API, as static pages, into the folder that is named.
set -eu

target=$1
# A place of its own: other flags would rebuild everything else. What did not change is not read again, so the
# graphs stay beside it. (`swift package dump-symbol-graph` fails where the tests have not been built.)
build=.build/for-docs
graphs=$build/graphs
shown=$build/shown
rm -rf "$target" "$shown"
mkdir -p "$graphs" "$shown"

# The two libraries that users import; what they re-export appears under their names, and there alone.
for module in Warren WarrenSimulator; do
  swift build --target "$module" --scratch-path "$build" \
    -Xswiftc -emit-symbol-graph -Xswiftc -emit-symbol-graph-dir -Xswiftc "$graphs" \
    -Xswiftc -symbol-graph-skip-synthesized-members
  # With what it adds to other modules, `Warren@Swift` for one.
  find "$graphs" \( -name "$module.symbols.json" -o -name "$module@*.symbols.json" \) -exec cp {} "$shown" \;
done

docc convert docs/Warren.docc --fallback-display-name Warren --fallback-bundle-identifier warren \
  --additional-symbol-graph-dir "$shown" --output-path "$target" --transform-for-static-hosting
echo "the guide and the reference are in $target: serve it with 'python3 -m http.server --bind 127.0.0.1 --directory $target'"
echo "and open http://127.0.0.1:8000/documentation/warren or http://127.0.0.1:8000/documentation/warrensimulator"
