#!/usr/bin/env bash
# Does the openai driver tell the same story of llama.cpp's server as the server itself?
#
# Fails on failed requests, other token counts and an unknown engine; times are printed side by
# side and never judged.
# usage: tests/real/llamacpp_server.sh    (minutes; needs cargo, python3 and pip)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/server.sh

prepare
say 'building'
timeout 3600 cargo build --quiet --bin tokgate
serve
rm -f "$work/counters.json"
for case in chat completions together; do
  say "measuring $case"
  rm -rf "$work/results"
  code=0
  timeout 600 cargo run --quiet --bin tokgate -- run tests/real/llamacpp.toml --base-url "$url/v1" \
    --category "$case" --results-dir "$work/results" --format json > "$work/$case.json" || code=$?
  # 3: the machine was too noisy to judge, and nothing is judged here.
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { say "tokgate ended with $code"; exit 1; }
  timeout 60 python3 tests/real/measured.py "$work/$case.json" "$work/results" "$url"
done
