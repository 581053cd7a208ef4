#!/usr/bin/env bash
# Do requests go out when the workload says: in each part of the plan, as many as its rate, none lost?
#
# Fails on wrong counts; how late they went is printed and never judged.
# usage: tests/real/arrivals.sh [CASE..]    (two minutes; needs cargo, curl and python3)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/arrivals
[ -n "${PROGRAM:-}" ] || build --bin tokgate
program=${PROGRAM:-target/release/tokgate}
serve_mock "$program" "$work"

[ $# -gt 0 ] || set -- constant poisson gamma ramp spike steps trace
for case in "$@"; do
  rm -rf "$work/results"
  timeout 10 curl -sf -X POST "${url%/v1}/truth/reset" > /dev/null
  code=0
  timeout 120 "${client_core[@]}" "$program" run tests/real/arrivals.toml --base-url "$url" \
    --category "$case" --results-dir "$work/results" --format json \
    > "$work/$case.json" 2> "$work/$case.log" || code=$?
  # 3: the machine was too noisy to judge, and nothing is judged here.
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { cat "$work/$case.log" >&2; exit 1; }
  timeout 60 python3 tests/real/arrivals.py "$case" "$work/results" "${url%/v1}"
done
