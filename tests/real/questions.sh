#!/usr/bin/env bash
# Do DuckDB, Spark and ClickHouse, by the queries of docs/QUESTIONS.md, say the percentiles and the cost that tokgate
# says, and would Trino parse its own?
#
# Two runs at two commits are measured against the mock server, put as rows into a folder, and asked for real.
# usage: tests/real/questions.sh    (three minutes; needs cargo, git, python3, pip; Java for Spark)
# PROGRAM names a tokgate that is built already, with the feature parquet; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh

duck=target/real/duckdb spark=target/real/spark clickhouse=target/real/clickhouse
has_python "$duck" duckdb 'duckdb==2.0.1' || exit 0
[ -n "${PROGRAM:-}" ] || { build --features parquet --bin tokgate; PROGRAM=target/release/tokgate; }
program=$(realpath "$PROGRAM")

project="$work/project"
mkdir -p "$project"
cp tests/real/questions.toml "$project/"
touch "$project/tokgate.toml"
serve_mock "$program" "$work"
git -C "$project" init --quiet
for commit in first second; do
  git -C "$project" -c user.name=t -c user.email=t@example.org commit --quiet --allow-empty --message "$commit"
  (cd "$project" && timeout 300 "$program" run questions.toml --base-url "$url" --model mock > run.txt) ||
    { tail -40 "$project/run.txt"; exit 1; }
  sleep 1
done
(cd "$project" && timeout 120 "$program" export --format parquet -o "file://$work/place")
(cd "$project" && for run in $("$program" list --format json | grep -o '"run_id": *"[^"]*"' | cut -d'"' -f4 | sort -u); do
  "$program" report "$run" --json > "$work/$run.report.json"
done)
timeout 120 "$duck/bin/python" tests/real/questions.py duckdb "$work" 2
if command -v java > /dev/null && has_python "$spark" pyspark 'pyspark==4.3.0'; then
  timeout 300 "$spark/bin/python" tests/real/questions.py spark "$work" 2
else
  say 'LEFT OUT: Spark, which needs Java'
fi
if has_python "$clickhouse" chdb 'chdb==4.4.0'; then
  timeout 120 "$clickhouse/bin/python" tests/real/questions.py clickhouse "$work" 2
fi
if has_python "$duck" sqlglot 'sqlglot==30.30.0'; then
  timeout 120 "$duck/bin/python" tests/real/questions.py trino "$work" 2
fi
