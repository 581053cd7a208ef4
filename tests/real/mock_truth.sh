#!/usr/bin/env bash
# How far are tokgate's times from the truth of `tokgate mock-server`?
#
# Fails on other token counts and failed requests; times are printed side by side and never judged.
# usage: tests/real/mock_truth.sh [STREAMS..]    (two minutes; needs cargo, curl and python3)
# STREAMS are some of 1 16 64 256 1000; all of them without. A thousand need `ulimit -n 4096`.
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/mock
[ -n "${PROGRAM:-}" ] || build --bin tokgate
program=${PROGRAM:-target/release/tokgate}
serve_mock "$program" "$work"

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
