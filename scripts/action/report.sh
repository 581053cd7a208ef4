#!/usr/bin/env bash
# Judges again what another job measured, tells the pull request, and ends as the judgement does. A step of action.yml.
set -euo pipefail
# shellcheck source=scripts/action/words.sh
. "$(dirname "${BASH_SOURCE[0]}")/words.sh"

words=(gate)
option --artifact "$ARTIFACT"
option --base "$BASE"
option --head "$HEAD"
flag --strict "$STRICT"
flag --warn-only "$WARN_ONLY"
scenarios "$SCENARIOS"
code=0
tokgate "${words[@]}" || code=$?

# Told as it was judged, also where that was not to the change's favour. It adds the outputs.
words=(github comment --check)
option --artifact "$ARTIFACT"
option --base "$BASE"
option --head "$HEAD"
option --gate-id "$GATE_ID"
flag --strict "$STRICT"
read -ra names <<< "$SCENARIOS"
for name in ${names[@]+"${names[@]}"}; do option --scenario "$name"; done
told=0
tokgate "${words[@]}" || told=$?

if [ "$code" -eq 0 ]; then code=$told; fi
output exit "$code"
exit "$code"
