#!/bin/sh
# Kills runs by `kill -9` at random moments, goes on with each, and looks whether anything that was
# announced is lost or there twice. How many kills: the first argument, else 300.
set -eu

cd "$(dirname "$0")/.."
TOKGATE_TEST_KILLS="${1:-300}" exec cargo test --locked --test tokgate -- --nocapture kill::
