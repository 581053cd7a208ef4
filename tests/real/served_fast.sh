#!/usr/bin/env bash
# How long does `tokgate serve` take to answer from a million requests, at a hundred questions a second, while a
# run writes an epoch a second beside it?
#
# Fails where an answer is no 200 or the 99th percentile of a list is above 50 ms. What it finds depends on what
# else the machine does: the load of the last minute is printed before and after.
# usage: tests/real/served_fast.sh [SECONDS [EPOCHS]]   (60 and 20 000; ten minutes the first time; needs cargo, python3)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/served
[ -n "${PROGRAM:-}" ] || build --bin tokgate
program=$(realpath "${PROGRAM:-target/release/tokgate}")
# Filling takes its time, and nobody has a core of their own here.
longest=7200
server_core=()
serve_mock "$program" "$work"

run() {
  "$program" run tests/real/served_fast.toml --base-url "$url" "$@" > "$work/run.log" 2>&1
}

if [ ! -e "$work/results/tokgate.sqlite" ]; then
  say 'filling a folder of results'
  rm -rf "$work/results" "$work/template" "$work/imported"
  # 3: too noisy to judge, and nothing is judged here.
  run --epochs 1 --results-dir "$work/template" || [ $? -eq 3 ] || { cat "$work/run.log" >&2; exit 1; }
  "$program" import tests/imports/earlier/rows.json --results-dir "$work/imported" > /dev/null
  imported=("$work"/imported/raw/*.jsonl)
  python3 tests/real/million.py "$work"/template/raw/*.jsonl "${imported[0]}" "$work/results" "${2:-20000}"
  "$program" rebuild --results-dir "$work/results" >&2
fi

TOKGATE_RESULTS="$work/results" serve 0

say 'asking while nobody writes'
uptime
code=0
timeout 900 python3 tests/real/served_load.py "$served" 100 "${1:-60}" || code=1
say 'asking while a run writes'
run --results-dir "$work/results" &
servers+=($!)
sleep 5
timeout 900 python3 tests/real/served_load.py "$served" 100 "${1:-60}" || code=1
uptime
grep VmHWM "/proc/${servers[1]}/status"
exit "$code"
