#!/usr/bin/env bash
# The judge end to end: the real program against two mock servers, SAME (200) times of the same kind,
# and PLANTED (20) times with each of several planted effects, in both directions and swapped.
#
# usage: tests/real/pairs.sh    (an hour on a machine with two cores that does nothing else; needs
# cargo and python3)
# PROGRAM names a tokgate that is built already; else a release build is made. FIRST (0) is the first seed,
# ONLY a part of the names of the worlds that are wanted.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/pairs
[ -n "${PROGRAM:-}" ] || build --bin tokgate
mkdir -p "$work"
python3 tests/real/pairs.py "${PROGRAM:-target/release/tokgate}" "$work" "${SAME:-200}" "${PLANTED:-20}" "${FIRST:-0}" "${ONLY:-}"
