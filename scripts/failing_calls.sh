#!/bin/sh
# Lets each write, sync and opening of a short run fail, one run a call: alone, as on a full disk, and
# after half of what was to be written. Looks whether what was announced is there and measuring goes on.
set -eu

cd "$(dirname "$0")/.."
TOKGATE_TEST_ALL_CALLS=1 exec cargo test --locked --test tokgate -- --nocapture failing::
