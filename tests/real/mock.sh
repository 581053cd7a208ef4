# Sourced by the checks beside it: our own mock server, on a core of its own where there are two.
#
# `build` makes release builds of what it is told; `serve_mock` starts the server and leaves its
# address in "$url", `serve` starts `tokgate serve`. They are stopped when the script ends. Nothing here measures or
# judges.

# Longest life of a server, seconds, if everything else fails to stop it.
longest=900

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

build() {
  say 'building'
  timeout 3600 cargo build --quiet --release "$@"
}

server_core=() client_core=()
if command -v taskset > /dev/null && [ "$(nproc)" -gt 1 ]; then
  server_core=(taskset -c 0) client_core=(taskset -c 1)
fi

servers=()
stop_servers() {
  [ "${#servers[@]}" -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true
  wait "${servers[@]}" 2>/dev/null || true
}
trap stop_servers EXIT

# serve_mock PROGRAM FOLDER [OPTION...]
serve_mock() {
  mkdir -p "$2"
  : > "$2/mock.address"
  "${server_core[@]}" "$1" mock-server --port "${PORT:-0}" --ttft-ms 50 --itl-ms 10 \
    --lifetime-s "$longest" "${@:3}" > "$2/mock.address" &
  servers+=($!)
  for _ in $(seq 100); do
    url=$(sed -n 's/^listening on //p' "$2/mock.address")
    [ -n "$url" ] && return
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  say 'the server did not start'
  return 1
}

# serve PORT: "$program" serves "$TOKGATE_RESULTS"; leaves its address in "$served", what it says in "$work".
serve() {
  : > "$work/serve.txt"
  "$program" serve --port "$1" 2> "$work/serve.txt" &
  servers+=($!)
  for _ in $(seq 300); do
    served=$(sed -n 's|^listening on \(http://[^,]*\),.*|\1|p' "$work/serve.txt")
    [ -n "$served" ] && return
    kill -0 "${servers[-1]}" 2> /dev/null || break
    sleep 0.1
  done
  cat "$work/serve.txt" >&2
  return 1
}
