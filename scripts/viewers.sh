#!/usr/bin/env bash
# What does it cost a run that people look on? An open loop of 500 requests a second against the mock server,
# alone and beside `tokgate serve` with 200 viewers who read and 20 who never do; ROUNDS of each in turns.
# Prints how late requests were sent (p50, p99 of sent - due), and how much memory the server took.
#
# Judges nothing: a machine that is busy otherwise moves the same numbers.
# usage: scripts/viewers.sh [SECONDS [ROUNDS]]    (needs python3)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-20} rounds=${2:-3}
work=target/viewers
program=${PROGRAM:-target/release/tokgate}
[ -n "${PROGRAM:-}" ] || cargo build --locked --release --bin tokgate
rm -rf "$work" && mkdir -p "$work/results"

ours=()
end() { [ ${#ours[@]} -eq 0 ] || kill "${ours[@]}" 2> /dev/null || true; }
trap end EXIT
# The address that a server says that it listens on.
said() { for _ in $(seq 200); do grep -o 'http://[0-9.:]*' "$1" && return; sleep 0.05; done; return 1; }

"$program" mock-server --port 0 --ttft-ms 5 --itl-ms 2 --slots 4096 > "$work/mock.log" 2>&1 & ours+=($!)
url=$(said "$work/mock.log" | head -n 1)
"$program" serve --port 0 --results-dir "$work/results" > "$work/serve.log" 2>&1 & serve=$! && ours+=("$serve")
page=$(said "$work/serve.log" | head -n 1)
cat > "$work/open.toml" <<TOML
schema = 1
[target]
driver = "openai"
base_url = "$url/v1"
[[case]]
name = "open"
kind = "generation"
dataset = { prompt_tokens = 16, output_tokens = 4 }
workload = { kind = "poisson", rate = 500, duration_s = $seconds, warmup = 16 }
TOML

for round in $(seq "$rounds"); do
  for viewers in 0 1; do
    code=0
    "$program" run "$work/open.toml" --results-dir "$work/results" --format json > "$work/$viewers-$round.json" \
      2> "$work/run.log" & run=$! && ours+=("$run")
    if [ "$viewers" -eq 1 ]; then
      python3 scripts/viewers.py "$page" "$serve" > "$work/seen-$round.json" & looking=$! && ours+=("$looking")
    fi
    wait "$run" || code=$?
    # 1: worse than something; 3: the machine was too noisy to judge, and nothing is judged here.
    [ "$code" -eq 0 ] || [ "$code" -eq 1 ] || [ "$code" -eq 3 ] || { cat "$work/run.log" >&2; exit 1; }
    [ "$viewers" -eq 0 ] || wait "$looking"
  done
done
python3 scripts/viewers.py "$work"
