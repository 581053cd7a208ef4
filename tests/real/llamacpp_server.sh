#!/usr/bin/env bash
# Does the openai driver tell the same story of llama.cpp's server as the server itself?
#
# The scenario starts the server. Fails on failed requests, other token counts, an unknown engine
# and a server that is left behind; times are printed side by side and never judged.
# usage: tests/real/llamacpp_server.sh    (minutes; needs cargo, python3 and pip)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/server.sh

prepare
say 'building'
timeout 3600 cargo build --quiet --workspace --bin tokgate
say 'measuring: the scenario starts the server'
rm -rf "$work/results"
code=0
timeout 900 target/debug/tokgate run tests/real/llamacpp.toml \
  --results-dir "$work/results" --format json > "$work/report.json" || code=$?
# 3: the machine was too noisy to judge, and nothing is judged here.
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { say "tokgate ended with $code"; exit 1; }
timeout 60 python3 tests/real/measured.py "$work/report.json" "$work/results"
if pgrep -f tests/real/llamacpp.py > /dev/null; then
  say 'the server was left behind'
  exit 1
fi
