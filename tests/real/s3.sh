#!/usr/bin/env bash
# Are runs put whole into a real S3 (moto's server) that is late, stops answering, and is away?
#
# usage: tests/real/s3.sh    (two minutes; needs cargo, python3, pip)
# PROGRAM names a tokgate that is built already, with the feature parquet; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh

venv=target/real/moto
has_python "$venv" moto 'moto[server]==5.2.5' || exit 0
has_python "$venv" duckdb 'duckdb==2.0.1' || exit 0
[ -n "${PROGRAM:-}" ] || { build --features parquet --bin tokgate; PROGRAM=target/release/tokgate; }
program=$(realpath "$PROGRAM")

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=not-to-be-shown-anywhere AWS_REGION=us-east-1
free_port() {
  "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
export AWS_ENDPOINT="http://127.0.0.1:$port" AWS_ALLOW_HTTP=true

start_moto() {
  timeout "$longest" "$venv/bin/moto_server" -H 127.0.0.1 -p "$port" > "$work/moto.txt" 2>&1 &
  servers+=($!)
  moto=$!
  timeout 60 "$venv/bin/python" tests/real/s3.py make
}

export_all() {
  (cd "$work/project" && timeout 200 "$program" export --format parquet -o s3://rows/a/b "$@")
}

mkdir -p "$work/project"
serve_mock "$program" "$work"
cp tests/real/questions.toml "$work/project/"
touch "$work/project/tokgate.toml"
(cd "$work/project" && timeout 300 "$program" run questions.toml --base-url "$url" --model mock > run.txt) ||
  { tail -40 "$work/project/run.txt"; exit 1; }

start_moto
say '1. a store that is there after three seconds, and whose replies are lost now and then'
between=$(free_port)
timeout "$longest" "$venv/bin/python" tests/real/s3.py between "$between" > "$work/between.txt" &
servers+=($!)
AWS_ENDPOINT="http://127.0.0.1:$between" export_all
tail -1 "$work/between.txt"
grep -q 'replies lost' "$work/between.txt"
"$venv/bin/python" tests/real/s3.py count

say '2. put again: nothing changes'
export_all | tee "$work/again.txt"
grep -q ': 0 objects at s3://rows/a/b' "$work/again.txt"

say '3. some objects were lost, and the store stops answering for eight seconds'
"$venv/bin/python" tests/real/s3.py lose
moto_child=$(pgrep -P "$moto" | head -1)
kill -STOP "${moto_child:-$moto}"
export_all & exporting=$!
sleep 8
kill -CONT "${moto_child:-$moto}"
wait "$exporting"
"$venv/bin/python" tests/real/s3.py count

say '4. a bucket that is not there is told, without the keys'
if (cd "$work/project" && timeout 200 "$program" export --format parquet -o s3://absent/x) 2> "$work/told.txt"; then
  say 'it should have failed'; exit 1
fi
cat "$work/told.txt"
grep -q 'cannot write s3://absent/x' "$work/told.txt"
if grep -q 'not-to-be-shown' "$work/told.txt"; then say 'the key was shown'; exit 1; fi

say '5. read back with DuckDB'
mkdir -p "$work/place"
"$venv/bin/python" tests/real/s3.py fetch "$work/place"
run=$(ls "$work/place/rows/requests" | sed 's/run=//')
(cd "$work/project" && "$program" report "$run" --json > "$work/$run.report.json")
timeout 120 "$venv/bin/python" tests/real/questions.py duckdb "$work" 1
