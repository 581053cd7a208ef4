#!/usr/bin/env bash
# How far are tokgate's times from the truth of `tokgate mock-server`?
#
# Fails on other token counts and failed requests; times are printed side by side and never judged.
# usage: tests/real/mock_truth.sh [STREAMS..]    (two minutes; needs cargo, curl and python3)
# STREAMS are some of 1 16 64 256 1000; all of them without. A thousand need `ulimit -n 4096`.
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=target/real/mock
# Longest life of the server, seconds, if everything else fails to stop it.
longest=900

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

if [ -z "${PROGRAM:-}" ]; then
  say 'building'
  timeout 3600 cargo build --quiet --release --bin tokgate
fi
program=${PROGRAM:-target/release/tokgate}

# Server and client have a core each, where there are two.
server_core=() client_core=()
if command -v taskset > /dev/null && [ "$(nproc)" -gt 1 ]; then
  server_core=(taskset -c 0) client_core=(taskset -c 1)
fi
mkdir -p "$work"
: > "$work/server.address"
"${server_core[@]}" "$program" mock-server --port "${PORT:-0}" --ttft-ms 50 --itl-ms 10 --lifetime-s "$longest" \
  > "$work/server.address" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$work/server.address")
  [ -n "$url" ] && break
  kill -0 "$server" 2>/dev/null || { say 'the server did not start'; exit 1; }
  sleep 0.1
done

[ $# -gt 0 ] || set -- 1 16 64 256 1000
for streams in "$@"; do
  # A category is any part of a name.
  case=$(printf 'streams-%04d' "$streams")
  say "measuring $case"
  rm -rf "$work/results"
  timeout 10 curl -sf -X POST "${url%/v1}/truth/reset" > /dev/null
  code=0
  timeout 600 "${client_core[@]}" "$program" run tests/real/mock_truth.toml --base-url "$url" --category "$case" \
    --results-dir "$work/results" --format json > "$work/$case.json" 2> "$work/$case.log" || code=$?
  # 3: the machine was too noisy to judge, and nothing is judged here.
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { cat "$work/$case.log" >&2; exit 1; }
  timeout 60 python3 tests/real/mock_truth.py "$work/$case.json" "$work/results" "${url%/v1}"
done
