#!/usr/bin/env bash
# How far are tokgate's times from the truth of `tokgate mock-server`?
#
# Fails on other token counts and failed requests; times are printed side by side and never judged.
# usage: tests/real/mock_truth.sh [CONCURRENCY...]    (a minute; needs cargo and python3)
# PROFILE=dev takes the program as tests build it instead of a release build.
set -euo pipefail
cd "$(dirname "$0")/../.."

profile=${PROFILE:-release}
port=${PORT:-18099}
work=target/real/mock
program=target/${profile/dev/debug}/tokgate
# Longest life of the server, seconds, if everything else fails to stop it.
longest=900

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

timeout 3600 cargo build --quiet --profile "$profile" --bin tokgate
mkdir -p "$work"
"$program" mock-server --port "$port" --ttft-ms 50 --itl-ms 10 --lifetime-s "$longest" \
  > "$work/server.address" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  [ -s "$work/server.address" ] && break
  kill -0 "$server" 2>/dev/null || { say 'the server did not start'; exit 1; }
  sleep 0.1
done
url=http://127.0.0.1:$port

for concurrency in "${@:-1 16}"; do
  for one in $concurrency; do
    rm -rf "$work/results"
    code=0
    timeout 600 "$program" run tests/real/mock_truth.toml --target openai --base-url "$url/v1" \
      --set "workload.concurrency=$one" --results-dir "$work/results" --format json \
      > "$work/report.json" 2> "$work/run.log" || code=$?
    # 3: the machine was too noisy to judge, and nothing is judged here.
    [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { cat "$work/run.log" >&2; exit 1; }
    timeout 60 python3 tests/real/mock_truth.py "$work/report.json" "$work/results" "$url" "$one"
  done
done
