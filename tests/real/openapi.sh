#!/usr/bin/env bash
# Does `tokgate serve` answer what its own description allows, and refuse the rest, without an error of its own?
#
# schemathesis makes requests from `/openapi.json`, right and wrong ones, and compares each answer with it.
# usage: tests/real/openapi.sh [EXAMPLES]    (three minutes; needs cargo, python3 and pip)
# EXAMPLES is the most of one route, 40 where it is not said. PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh

venv=$PWD/target/real/schemathesis
has_python "$venv" schemathesis 'schemathesis==4.32.5' || exit 0
the_program
fill
serve 0
# What it finds goes to the folder that is removed at the end, and is told besides.
tests=$(realpath tests/real)
cd "$work"
timeout 600 "$venv/bin/schemathesis" --config-file "$tests/openapi.toml" run "$served/openapi.json" \
  --max-examples "${1:-40}" --max-time 150 --continue-on-failure --checks all --no-color --seed 1
