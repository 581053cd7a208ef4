#!/bin/sh
# Sixteen processes write rows into one database beside a reader and one that folds its log. How many
# rows each writes: the first argument, else 500. Tells the time and the longest wait for a row.
set -eu

cd "$(dirname "$0")/.."
TOKGATE_TEST_ROWS="${1:-500}" exec cargo test --locked --test tokgate -- --nocapture writers::
