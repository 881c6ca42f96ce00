#!/usr/bin/env bash
# Puts other people's programs, with which ours must get on or beside which they are measured, where tests and benchmarks
# find them. What cannot be had is done without: what needs it then says that it is skipped, and why.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.build/interop

missing=
for program in turnserver:coturn miniupnpd:miniupnpd ip:iproute2 nft:nftables; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${program%%:*}" >/dev/null 2>&1 || missing="$missing ${program#*:}"
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for tests and benchmarks:$missing"
    # As in runlevel 1, no service is started: the tests start their own.
    # shellcheck disable=SC2086 # The names are words.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
      echo "could not install$missing: what needs them will be skipped" >&2
  else
    echo "not installed:$missing; what needs them will be skipped" >&2
  fi
fi

"$folder/bin/python" -c 'import aioice' 2>/dev/null && exit 0
if python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check 'aioice==0.13.0'; then
  exit 0
fi
echo "aioice cannot be had here: its tests will be skipped" >&2
rm -rf "$folder"
