#!/usr/bin/env bash
# Are the printed requests, by curl, and the printed script, by httpx, answered as they are printed?
#
# They are run unchanged, so that port 4080 must be free, against a store that an import and a real run filled.
# usage: tests/real/rest_client.sh    (a minute; needs cargo, curl, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh

venv=target/real/httpx
has_python "$venv" httpx 'httpx==0.28.1' || exit 0
the_program
fill
serve 4080
timeout 120 "$venv/bin/python" tests/real/rest_client.py "$TOKGATE_RESULTS" tests/real/agent_httpx.py
