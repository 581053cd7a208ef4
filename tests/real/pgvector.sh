#!/usr/bin/env bash
# Does the pgvector driver find what is near in a real PostgreSQL?
#
# The server is a Python wheel's, on a free port of this machine, with a bounded life; PostgreSQL
# refuses to run as root, so that root runs it as `nobody`. Fails on failed queries, on a recall that
# no working index has, and on a table that is left behind; times are printed and never judged.
# usage: tests/real/pgvector.sh    (two minutes; needs cargo, python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/databases.sh
. tests/real/postgres_server.sh

fetch_postgres
build
serve_postgres

# As a run that was killed leaves it, and as somebody else's.
ask 'CREATE TABLE tokgate_vectors_0123456789abcdef (id integer); CREATE TABLE tokgate_vectors_mine (id integer)' > /dev/null
say 'measuring'
measure tests/real/pgvector.toml "postgres://postgres@127.0.0.1:$port/postgres"
left=$(ask "SELECT string_agg(relname, ' ') FROM pg_class WHERE relkind = 'r' AND relname LIKE 'tokgate%'")
[ "$left" = tokgate_vectors_mine ] || { say "left behind: $left"; exit 1; }
