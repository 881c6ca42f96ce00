#!/usr/bin/env bash
# Puts other people's agents, with which ours must get on, into .build/interop. What cannot be had is done without:
# its tests then say that they are skipped, and why.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.build/interop

"$folder/bin/python" -c 'import aioice' 2>/dev/null && exit 0
if python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check 'aioice==0.13.0'; then
  exit 0
fi
echo "aioice cannot be had here: its tests will be skipped" >&2
rm -rf "$folder"
