#!/usr/bin/env bash
# tokgate's indexes beside faiss, hnswlib, usearch and ScaNN: the same vectors, the same exact
# neighbours, one after the other on one machine, in one run.
#
# Prints recall@10, latency of one query at a time, time to build, and ratios. Judges nothing: fails
# only where tokgate's recall is not what the exact neighbours found here say.
# usage: tests/peers/retrieval.sh [ROWS [DIMENSIONS]]    (200000 x 128 takes five minutes; needs cargo,
# python3 and pip)
# PROGRAM names a tokgate that is built already; else a release build is made. A peer whose wheel
# cannot be had is left out, and said so.
set -euo pipefail
cd "$(dirname "$0")/../.."

rows=${1:-200000} dimensions=${2:-128}
work=target/peers
mkdir -p "$work"
[ -d "$work/venv" ] || python3 -m venv "$work/venv"
for wheel in numpy faiss-cpu hnswlib usearch scann; do
  timeout 600 "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel" \
    || printf 'without %s: its wheel cannot be had\n' "$wheel" >&2
done
[ -n "${PROGRAM:-}" ] || timeout 3600 cargo build --quiet --release --bin tokgate
timeout 3000 "$work/venv/bin/python" tests/peers/retrieval.py \
  "${PROGRAM:-target/release/tokgate}" "$work" "$rows" "$dimensions"
