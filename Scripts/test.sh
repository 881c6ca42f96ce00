#!/usr/bin/env bash
# Runs all tests, or those that the arguments name, and says at the end once more what failed.
#
# A few at a time: with hundreds at once, those that run in real time wait for a thread for longer than they may.
set -uo pipefail
cd "$(dirname "$0")/.."

mkdir -p .build
log=.build/test.log
"${SWIFT:-swift}" test --experimental-maximum-parallelization-width 4 "$@" 2>&1 | tee "$log"
result=${PIPESTATUS[0]}
if [ "$result" -ne 0 ]; then
  echo
  echo "What failed, of all that is above:"
  grep -E '✘|error:|Fatal error|signal code' "$log" | cut -c 1-400 | tail -40
fi
exit "$result"
