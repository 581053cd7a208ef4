#!/usr/bin/env bash
# Measures and judges, and ends as `tokgate gate` does. A step of action.yml.
set -euo pipefail
# shellcheck source=scripts/action/words.sh
. "$(dirname "${BASH_SOURCE[0]}")/words.sh"

words=(gate)
option --base "$BASE"
option --out "$OUT"
flag --strict "$STRICT"
flag --warn-only "$WARN_ONLY"
scenarios "$SCENARIOS"

# What an older run left there is not this one's word.
rm -f "$OUT/gate.json"
code=0
tokgate "${words[@]}" || code=$?

conclusion=none
if [ -f "$OUT/gate.json" ]; then
  conclusion=$(sed -n 's/^  "conclusion": "\([a-z_]*\)",\{0,1\}$/\1/p' "$OUT/gate.json")
fi
output conclusion "$conclusion"
output exit "$code"
exit "$code"
