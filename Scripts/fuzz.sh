#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, beginning with what lies in Fixtures/Fuzz.
#
#   FUZZ_SECONDS  how long each runs (60)
#   FUZZ_TARGETS  which (all)
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
scratch=.build/fuzz

WARREN_FUZZ=1 swift build --product Fuzz --sanitize=fuzzer --scratch-path "$scratch"
for target in ${FUZZ_TARGETS:-stun ice sdp pcp natpmp plan signal quic tls http pairing registry relay dns files plaintext}; do
  echo "== $target, $seconds s"
  # What it finds goes to a folder of its own: the seeds stay as they are.
  found="$scratch/found/$target"
  mkdir -p "$found"
  if ! FUZZ_TARGET=$target "$scratch/debug/Fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="$found/failing-" "$found" "Fixtures/Fuzz/$target" >"$found.log" 2>&1; then
    tail -n 40 "$found.log" >&2
    echo "$target failed: the input is in $found, and belongs into Fixtures/Fuzz/$target with a test" >&2
    exit 1
  fi
  grep -E 'stat::number_of_executed_units|stat::average_exec_per_sec|stat::peak_rss_mb' "$found.log"
done
