#!/usr/bin/env bash
# Does the official Python client of the Model Context Protocol list and call each tool of `tokgate mcp`?
#
# Without a folder of results it measures a few requests of the embedded model to have some.
# usage: tests/real/mcp_client.sh [RESULTS]    (a minute; needs cargo, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

package='mcp==2.3.0'
venv=target/real/mcp
if ! "$venv/bin/python" -m pip show --quiet mcp 2>/dev/null; then
  python3 -m venv "$venv"
  timeout 600 "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
fi
if [ -z "${PROGRAM:-}" ]; then
  cargo build --release --bin tokgate
  PROGRAM=target/release/tokgate
fi
results=${1:-}
if [ -z "$results" ]; then
  results=$(mktemp -d)
  trap 'rm -rf "$results"' EXIT
  # What the host disturbs answers, too: nothing here is about how fast this machine is.
  for _ in 1 2; do
    timeout 300 "$PROGRAM" run quick --category token --requests 20 --results-dir "$results" \
      --set validity.steal=1 --set validity.others_cpu=1 --set validity.gap_s=60 \
      --set validity.send_lag_s=10 > /dev/null
  done
fi
timeout 300 "$venv/bin/python" tests/real/mcp_client.py "$(realpath "$PROGRAM")" "$(realpath "$results")"
