#!/usr/bin/env bash
# What does `tokgate merge` take for a hundred million events of one epoch, and are its figures those of DuckDB and
# of Spark over the same files?
#
# Writes the rows of eight workers, merges them, prints time and peak memory, and fails where that is above 256 MiB
# or a figure differs. Rows and results are removed afterwards. Spark is left out where there is no Java.
# usage: tests/real/hundred_million.sh [EVENTS]   (100000000; about 6 GB of disk; needs cargo, python3, GNU time)
# PROGRAM names a tokgate and ROWS an examples/many_rows that are built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

events=${1:-100000000}
most_kib=262144
work=target/real/hundred_million
say() { printf 'hundred_million: %s\n' "$*" >&2; }
if [ -z "${PROGRAM:-}" ]; then
  say 'building'
  timeout 3600 cargo build --quiet --release --features parquet --bin tokgate --example many_rows
fi
program=$(realpath "${PROGRAM:-target/release/tokgate}")
rows=$(realpath "${ROWS:-target/release/examples/many_rows}")
mkdir -p "$work"
trap 'rm -rf "$work/rows" "$work/results"' EXIT
rm -rf "$work/rows" "$work/results"

say "writing $events events"
time timeout 3600 "$rows" "$work/rows" 8 "$events"
du -sh "$work/rows" >&2

say 'merging'
ended=0
timeout 3600 /usr/bin/time -v -o "$work/time.txt" "$program" merge "$work/rows" --figures --format json \
  --results-dir "$work/results" > "$work/told.json" || ended=$?
grep -E 'Maximum resident|Elapsed|User time|System time' "$work/time.txt"
[ "$ended" -eq 0 ] || { say "it ended with $ended"; exit 1; }
peak=$(awk '/Maximum resident/ { print $NF }' "$work/time.txt")
awk -v peak="$peak" -v events="$events" 'BEGIN { printf "%.2f bytes of memory an event\n", peak * 1024 / events }'
[ "$peak" -le "$most_kib" ] || { say "its memory was $peak KiB, and $most_kib are allowed"; exit 1; }

python=$work/venv/bin/python
[ -x "$python" ] || { python3 -m venv "$work/venv"; "$python" -m pip install --quiet 'duckdb==2.0.1' 'pyspark==4.3.0'; }
engines='duckdb'
if command -v java > /dev/null; then engines='duckdb spark'; else say 'no Java, and so no Spark'; fi
for engine in $engines; do
  timeout 3600 "$python" tests/real/hundred_million.py "$engine" "$work/told.json" "$PWD/$work/rows"
done
say 'all figures agree'
