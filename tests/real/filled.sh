# Sourced by the checks beside it, after `mock.sh`: a store that an import and a real run filled.
#
# `the_program` says which tokgate, `fill` fills "$TOKGATE_RESULTS" in a folder that is removed at the end, and
# `has_python` makes a virtual environment with a package, or says that it cannot be had.

work=$(mktemp -d)
trap 'stop_servers; rm -rf "$work"' EXIT
export TOKGATE_RESULTS="$work/results"

# has_python FOLDER MODULE PACKAGE
has_python() {
  "$1/bin/python" -c "import $2" 2> /dev/null && return
  python3 -m venv "$1" &&
    timeout 600 "$1/bin/python" -m pip install --quiet --disable-pip-version-check "$3" && return
  say "LEFT OUT: python3 or its package $3 is not to be had here"
  return 1
}

# PROGRAM names a tokgate that is built already; else a release build is made.
the_program() {
  if [ -z "${PROGRAM:-}" ]; then
    build --bin tokgate
    PROGRAM=target/release/tokgate
  fi
  program=$(realpath "$PROGRAM")
}

# Two models of another tool, and three that a mock server plays; of names with slashes and colons.
fill() {
  "$program" import tests/imports/earlier/rows.json
  serve_mock "$program" "$work" --model hf.co/org/fast:q4 --beside gemma3:4b=2 --beside gemma3:12b=3
  # What the host disturbs answers, too: nothing here is about how fast this machine is.
  timeout 300 "$program" run --target ollama --base-url "${url%/v1}" --compare --output-tokens 16 \
    --models hf.co/org/fast:q4 gemma3:4b gemma3:12b --requests 20 --workers 4 \
    --set validity.steal=1 --set validity.others_cpu=1 --set validity.gap_s=60 \
    --set validity.send_lag_s=10 > "$work/run.txt" || { cat "$work/run.txt"; return 1; }
  sed -n '/^models at/,$p' "$work/run.txt"
}
