#!/usr/bin/env bash
# What does a client cost: ours, which parses and records everything, beside bare hyper and bare
# reqwest, which only drain what comes?
#
# Prints CPU seconds per million events, paced and saturated, and our peak memory. Judges nothing;
# fails only where events are missing.
# usage: tests/real/client_cost.sh    (two minutes; needs cargo)
# PROGRAM and COST name a tokgate and an example `client_cost` that are built already; else release
# builds are made. ROUNDS (2) says how often each is measured: their difference is the noise.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/cost
{ [ -n "${PROGRAM:-}" ] && [ -n "${COST:-}" ]; } || build --bin tokgate --example client_cost
program=${PROGRAM:-target/release/tokgate}
cost=${COST:-target/release/examples/client_cost}

serve_mock "$program" "$work"
: > "$work/null.address"
sleep "$longest" | "${server_core[@]}" "$cost" serve 1000 > "$work/null.address" &
servers+=($!)

# address FILE: what a server wrote there, host and port.
address() {
  local found
  for _ in $(seq 100); do
    found=$(grep -oE '127\.0\.0\.1:[0-9]+' "$1" || true)
    [ -n "$found" ] && { echo "$found"; return; }
    sleep 0.1
  done
  say "no server wrote $1"
  exit 1
}

# measure NAME SERVER STREAMS REQUESTS TOKENS CLIENT..
measure() {
  local name=$1 server=$2 streams=$3 requests=$4 tokens=$5 client
  shift 5
  for _ in $(seq "${ROUNDS:-2}"); do
    for client in "$@"; do
      read -r cpu million peak < <(timeout 300 "${client_core[@]}" \
        "$cost" "$client" "$server" "$streams" "$requests" "$tokens")
      printf '%-10s %8s %8s %10s %18s %8s\n' \
        "$name" "$streams" "$client" "$cpu" "$million" "$peak"
    done
  done
}

printf '%-10s %8s %8s %10s %18s %8s\n' load streams client 'CPU s' 'CPU s / M events' 'peak MB'
measure paced "$(address "$work/mock.address")" 64 256 256 ours hyper reqwest
measure saturated "$(address "$work/null.address")" 16 1024 1000 ours hyper reqwest
measure memory "$(address "$work/mock.address")" 256 512 128 ours
