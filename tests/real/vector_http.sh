#!/usr/bin/env bash
# Does the driver vector-http find what is near in a real Chroma?
#
# The server is a Python package's, in an environment of its own, on a free port of this machine, with
# a bounded life. Fails on failed queries, on a recall that no working index has, and on a collection
# that is left behind; times are printed and never judged.
# usage: tests/real/vector_http.sh    (five minutes; needs cargo, python3 with venv, and pip)
# PROGRAM names a tokgate that is built already, CHROMA a `chroma`; else both are made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh

server_package='chromadb==1.5.9'
chroma=${CHROMA:-$work/chroma/bin/chroma}
mkdir -p "$work"
if [ ! -x "$chroma" ]; then
  say "installing $server_package"
  python3 -m venv "$work/chroma"
  timeout 900 "$work/chroma/bin/pip" install --quiet --disable-pip-version-check "$server_package"
fi
build

port=$(free_port)
data=$(mktemp -d)
say 'starting the server'
timeout "$longest" "$chroma" run --host 127.0.0.1 --port "$port" --path "$data" \
  > "$work/chroma.log" 2>&1 &
server=$!
stop() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
  say 'stopped the server'
}
trap stop EXIT
api="http://127.0.0.1:$port/api/v2/tenants/default_tenant/databases/default_database/collections"
for _ in $(seq 300); do
  curl --silent --fail "$api" > /dev/null && break
  kill -0 "$server" 2>/dev/null || { cat "$work/chroma.log" >&2; say 'the server did not start'; exit 1; }
  sleep 0.2
done

# As a run that was killed in 2001 leaves it, and as somebody else's.
for name in tokgate_vectors_3b9aca0000000001 tokgate_vectors_mine; do
  curl --silent --fail --json "{\"name\": \"$name\"}" "$api" > /dev/null
done
say 'measuring'
measure tests/real/vector_http.toml "http://127.0.0.1:$port"
left=$(curl --silent --fail "$api" | python3 -c 'import json, sys; print(*sorted(it["name"] for it in json.load(sys.stdin)))')
[ "$left" = tokgate_vectors_mine ] || { say "left behind: $left"; exit 1; }
