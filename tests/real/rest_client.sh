#!/usr/bin/env bash
# Are the printed requests, by curl, and the printed script, by httpx, answered as they are printed?
#
# A store is filled by an import and by a real run against `tokgate mock-server`, of models with slashes and
# colons in their names. Then the requests and the script are run unchanged, so that port 4080 must be free.
# usage: tests/real/rest_client.sh    (a minute; needs cargo, curl, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh

package='httpx==0.28.1'
venv=target/real/httpx
if ! "$venv/bin/python" -c 'import httpx' 2> /dev/null; then
  python3 -m venv "$venv" &&
    timeout 600 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package" || {
    say 'LEFT OUT: python3 or its package httpx is not to be had here'
    exit 0
  }
fi
if [ -z "${PROGRAM:-}" ]; then
  build --bin tokgate
  PROGRAM=target/release/tokgate
fi
program=$(realpath "$PROGRAM")
work=$(mktemp -d)
trap 'stop_servers; rm -rf "$work"' EXIT
export TOKGATE_RESULTS="$work/results"

"$program" import tests/imports/earlier/rows.json
serve_mock "$program" "$work" --model hf.co/org/fast:q4 --beside gemma3:4b=2 --beside gemma3:12b=3
# What the host disturbs answers, too: nothing here is about how fast this machine is.
timeout 300 "$program" run --target ollama --base-url "${url%/v1}" --compare --output-tokens 16 \
  --models hf.co/org/fast:q4 gemma3:4b gemma3:12b --requests 20 --workers 4 \
  --set validity.steal=1 --set validity.others_cpu=1 --set validity.gap_s=60 \
  --set validity.send_lag_s=10 > "$work/run.txt" || { cat "$work/run.txt"; exit 1; }
sed -n '/^models at/,$p' "$work/run.txt"

"$program" serve --port 4080 2> "$work/serve.txt" &
servers+=($!)
for _ in $(seq 100); do
  grep -q listening "$work/serve.txt" && break
  kill -0 "${servers[-1]}" 2> /dev/null || { cat "$work/serve.txt" >&2; exit 1; }
  sleep 0.1
done
timeout 120 "$venv/bin/python" tests/real/rest_client.py "$TOKGATE_RESULTS" tests/real/agent_httpx.py
