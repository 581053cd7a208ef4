#!/usr/bin/env bash
# Would Kubernetes take deploy/kubernetes.yaml, and what would Slurm start?
#
# The manifest against the published schemas of several versions of Kubernetes, strictly, and a wrong one that must
# be refused; the sbatch script with a stand-in for `srun`, which prints what it is to start and starts it eight
# times with a mock server as the target.
# usage: tests/real/manifests.sh    (a minute; needs python3 and pip)
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
[[case]]
name = "fleet"
kind = "generation"
workload = { kind = "poisson", rate = 80, duration_s = 3, warmup = 16 }
SCENARIO
cat > "$work/srun" << 'STAND_IN'
#!/usr/bin/env bash
# Starts eight tasks as srun does, and says so.
while [[ $1 == --* ]]; do shift; done
printf 'srun starts 8 times: %s\n' "$*" >&2
tasks=() failed=0
for task in 0 1 2 3 4 5 6 7; do
  SLURM_PROCID=$task SLURM_NTASKS=8 "$@" > /dev/null 2>&1 &
  tasks+=($!)
done
for task in "${tasks[@]}"; do wait "$task" || failed=$?; done
exit "$failed"
STAND_IN
chmod +x "$work/srun"
bash -n deploy/slurm.sbatch
ended=0
srun=$work/srun TOKGATE=$program SCENARIO=$work/load.toml OUT=$work/rows RESULTS=$work/results \
  START_AT=$(date -u -d '+8 seconds' +%FT%TZ) deploy/slurm.sbatch || ended=$?
say "the script ended with $ended"
put=$(find "$work/rows/workers" -name '*.json' ! -name '*.begun.json' | wc -l)
say "$put of 8 workers put their manifest"
[ "$put" -eq 8 ]
