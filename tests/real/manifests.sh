#!/usr/bin/env bash
# Would Kubernetes take deploy/kubernetes.yaml, and what would Slurm start?
#
# The manifest against the published schemas of several versions of Kubernetes, strictly, and a wrong one that must
# be refused; the sbatch script with a stand-in for `srun`, which starts what it is told eight times, real workers
# against a mock server, so that the script's last line merges what they really put: once whole, once without a node.
# usage: tests/real/manifests.sh    (two minutes; needs python3 and pip)
# PROGRAM names a tokgate that is built already, with the feature `parquet`; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh

venv=$PWD/target/real/manifests
if has_python "$venv" kubernetes_validate 'kubernetes-validate==1.37.0'; then
  for version in 1.33 1.35 1.37; do
    "$venv/bin/kubernetes-validate" --strict --quiet -k "$version" deploy/kubernetes.yaml
    say "Kubernetes $version takes deploy/kubernetes.yaml"
  done
  # What takes everything would take this, too.
  sed 's/completionMode:/completionMod:/' deploy/kubernetes.yaml > "$work/wrong.yaml"
  if "$venv/bin/kubernetes-validate" --strict --quiet "$work/wrong.yaml" > "$work/told.txt" 2>&1; then
    say 'a misspelt field was not found'
    exit 1
  fi
fi

if [ -z "${PROGRAM:-}" ]; then
  build --bin tokgate --features parquet
  PROGRAM=target/release/tokgate
fi
program=$(realpath "$PROGRAM")
serve_mock "$program" "$work/mock"
cat > "$work/load.toml" << SCENARIO
schema = 1
[target]
driver = "openai"
base_url = "$url"
model = "mock"
[dataset]
prompt_tokens = 16
output_tokens = 8
# Eight nodes are one machine here, which is a neighbour of itself: nothing here is about how fast it is.
[validity]
steal = 1
others_cpu = 1
gap_s = 60
send_lag_s = 10
[[case]]
name = "fleet"
kind = "generation"
workload = { kind = "poisson", rate = 80, duration_s = 3, warmup = 16 }
SCENARIO
cat > "$work/srun" << 'STAND_IN'
#!/usr/bin/env bash
# Starts eight tasks as srun does, and says so; a node that is "$LOST" starts nothing, and fails.
while [[ $1 == --* ]]; do shift; done
printf 'srun starts 8 times: %s\n' "$*" >&2
tasks=() failed=0
for task in 0 1 2 3 4 5 6 7; do
  if [ "$task" = "${LOST:-none}" ]; then
    failed=137
    continue
  fi
  SLURM_PROCID=$task SLURM_NTASKS=8 "$@" > "$TOLD.$task.txt" 2>&1 &
  tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || failed=$?; done
exit "$failed"
STAND_IN
chmod +x "$work/srun"
bash -n deploy/slurm.sbatch

# Runs the sbatch script as the job of this number, its eight tasks against the mock server; leaves how it ended in
# "$ended", and what the merge at its end said in "$work/JOB.txt".
submit() {
  ended=0
  srun=$work/srun TOLD=$work/$1 TOKGATE=$program SCENARIO=$work/load.toml OUT=$work/rows RESULTS=$work/results \
    SLURM_JOB_ID=$1 START_AT=$(date -u -d '+20 seconds' +%FT%TZ) timeout 300 deploy/slurm.sbatch \
    > "$work/$1.txt" 2>&1 || ended=$?
  put=$(find "$work/rows/$1/workers" -name '*.json' ! -name '*.begun.json' | wc -l)
  say "job $1: $put of 8 workers put their manifest; the script ended with $ended"
}

shows() {
  grep -E "$1" "$work/$2.txt" || {
    say "the merge does not say: $1"
    tail -n 20 "$work/$2".*.txt "$work/$2.txt"
    exit 1
  }
}

submit 4711
[ "$put" -eq 8 ]
shows '^load::fleet epoch 0: [0-9]+ requests of 8 workers$' 4711
shows '^load/fleet .* [0-9]+ requests, 0 failed$' 4711
[ "$ended" -eq 0 ] || { grep -E 'INVALID' "$work/4711.txt"; exit 1; }
"$program" list --results-dir "$work/results"

# What came from the place is what eight processes sent, each request once.
sent=$(find "$work/rows/4711/workers" -name '*.json' ! -name '*.begun.json' -exec grep -ho '"measured": *[0-9]*' {} + \
  | awk -F: '{ n += $2 } END { print n }')
merged=$(sed -nE 's/^load::fleet epoch 0: ([0-9]+) requests.*/\1/p' "$work/4711.txt")
say "the workers say $sent measured requests, the merge $merged"
[ "$sent" -eq "$merged" ]

# A node that is lost leaves a run that says so, with what the others measured.
LOST=3 submit 4712
[ "$put" -eq 7 ]
shows 'a worker ended with 137' 4712
shows 'INVALID of 8 workers, number 3 left nothing here' 4712
[ "$ended" -eq 3 ]
