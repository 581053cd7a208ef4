#!/usr/bin/env bash
# Takes the pictures of docs/TOUR.md anew, while its commands are run: scripts/tour.sh. Best on a machine that does
# nothing else, since the runs say so otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/browser/have.sh

have_browser || { echo "no pictures: $lacks"; exit 1; }
CHROMIUM=$(find_chromium) MODULES=$PWD/$modules PICTURES=$PWD/docs/tour TOUR_PICTURES=$PWD/tests/browser/tour.mjs \
  cargo test --locked --test tokgate -- --exact tour::every_command_of_the_tour_does_what_the_page_says
ls -l docs/tour
