#!/usr/bin/env bash
# Runs that only a host can spoil, and clean ones beside them: a client that gets a fifth of a core, a
# wall clock that is set while requests run, and RUNS (50) runs that nothing disturbs.
#
# Prints the verdict and the reasons of each; fails where a spoilt run is not INVALID for its reason. How
# many clean runs were INVALID is printed, and not judged: that is the host's doing on a busy machine.
# usage: tests/real/spoilt.sh    (five minutes on a machine with two cores that does nothing else; needs
# cargo, taskset, and faketime for the clock: apt-get install faketime)
# PROGRAM names a tokgate that is built already; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."

. tests/real/mock.sh
work=target/real/spoilt
[ -n "${PROGRAM:-}" ] || build --bin tokgate
program=${PROGRAM:-target/release/tokgate}
serve_mock "$program" "$work"

# reasons FILE: what a run that was told in JSON was INVALID for.
reasons() {
  python3 - "$1" <<'P'
import json, sys
report = json.load(open(sys.argv[1]))
epochs = [epoch for case in report["cases"] for epoch in case["epochs"]]
print("; ".join(sorted({reason for epoch in epochs for reason in epoch["reasons"]})) or "valid")
P
}

# run NAME COMMAND...: the scenario beside this file by that command, its JSON in NAME.json.
run() {
  local name=$1 code=0
  shift
  timeout 120 "$@" run tests/real/spoilt.toml --base-url "$url" --results-dir "$work/results" \
    --format json ${more[@]+"${more[@]}"} > "$work/$name.json" 2> "$work/$name.err" || code=$?
  printf '%-10s exit %d  %s\n' "$name" "$code" "$(reasons "$work/$name.json")"
  [ "$code" -eq "${expected:-$code}" ]
}

# wants NAME WORDS: the run was INVALID for this.
wants() {
  reasons "$work/$1.json" | grep -q -- "$2" || { say "$1: not INVALID for '$2'"; exit 1; }
}

# Four others want the core that the client is kept to, and come first.
spinners=()
for _ in 1 2 3 4; do
  timeout 60 taskset -c 1 sh -c 'while :; do :; done' &
  spinners+=($!)
done
more=(--category open) expected=3
run throttled taskset -c 1 nice -n 19 "$program"
kill "${spinners[@]}" 2>/dev/null || true
wait "${spinners[@]}" 2>/dev/null || true
wants throttled 'were sent'

# The wall clock of the client alone goes an hour ahead after three seconds.
library=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null | head -n 1 || true)
if [ -n "$library" ]; then
  printf '+0\n' > "$work/clock"
  { sleep 3; printf '+3600\n' > "$work/clock"; } &
  more=(--category closed) expected=3
  run clock "${client_core[@]}" env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$work/clock" \
    FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 "$program"
  wants clock 'wall clock was moved'
else
  say 'without faketime: the step of the clock is left out'
fi

invalid=0 runs=${RUNS:-50}
more=(--category closed --requests 40) expected=0
for number in $(seq "$runs"); do
  run "clean-$number" "${client_core[@]}" "$program" || invalid=$((invalid + 1))
done
printf '%d of %d clean runs were INVALID\n' "$invalid" "$runs"
