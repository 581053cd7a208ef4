#!/usr/bin/env bash
# Are runs put whole into a real S3 (moto's server), Azure (Azurite) and Google Cloud Storage (a stand-in of ours, by
# the documentation of its XML API), and read and merged from there, where they are late, hang, refuse and are away?
#
# usage: tests/real/clouds.sh [s3] [az] [gs]    (all; four minutes each; needs cargo, python3, pip; npm for az)
# PROGRAM names a tokgate that is built already, with the feature parquet; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
. tests/real/filled.sh
longest=1800

venv=$PWD/target/real/moto azurite=$PWD/target/real/azurite
has_python "$venv" moto 'moto[server]==5.2.5' || exit 0
has_python "$venv" duckdb 'duckdb==2.0.1' || exit 0
[ -n "${PROGRAM:-}" ] || { build --features parquet --bin tokgate; PROGRAM=target/release/tokgate; }
program=$(realpath "$PROGRAM")
python=$venv/bin/python
# Not a key of the caller's is used or shown.
for name in $(compgen -e | grep -E '^(AWS|AZURE|GOOGLE)_|^AZURITE_'); do unset "$name"; done

free_port() {
  "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a server in the background, bounded in time; its process is "$store".
start() {
  timeout "$longest" "$@" > "$work/server.txt" 2>&1 &
  store=$!
  servers+=($!)
}

# Each cloud says where it is ("$place"), by which variables a program finds it at an address (`at`), one that has a
# wrong key (`with_a_wrong_key`), what of the keys is to be seen nowhere ("${secrets[@]}"), another way to name it for
# reading (`another_way`), and how many uploads of a failed file stay until the cloud takes them away ("$left").
begin_s3() {
  place=s3://rows absent=s3://absent/x left=0
  secrets=(not-to-be-shown-anywhere)
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=${secrets[0]} AWS_REGION=us-east-1 AWS_ALLOW_HTTP=true
  at() { export AWS_ENDPOINT=$1; }
  with_a_wrong_key() { say 'LEFT OUT: moto looks at no keys'; return 2; }
  another_way() { AWS_ALLOW_HTTP=1 "$@"; }
  start "$venv/bin/moto_server" -H 127.0.0.1 -p "$port"
}

begin_az() {
  if ! command -v npm > /dev/null; then say 'LEFT OUT: az, which needs npm'; return 1; fi
  has_python "$venv" azure.storage.blob 'azure-storage-blob==12.31.1' || return 1
  if [ ! -d "$azurite/node_modules/azurite" ]; then
    mkdir -p "$azurite"
    timeout 600 npm install --prefix "$azurite" --no-audit --no-fund --loglevel=error azurite@3.37.0 > /dev/null ||
      { say 'LEFT OUT: az, since the package azurite is not to be had here'; return 1; }
  fi
  place=az://rows absent=az://absent/x left=1
  secrets=("$(printf 'not-to-be-shown-anywhere-at-all!' | base64)")
  export AZURE_STORAGE_ACCOUNT_NAME=bench AZURE_STORAGE_ACCOUNT_KEY=${secrets[0]} AZURE_STORAGE_USE_EMULATOR=true
  at() { export AZURITE_BLOB_STORAGE_URL=$1; }
  with_a_wrong_key() { AZURE_STORAGE_ACCOUNT_KEY=$(printf 'another' | base64) "$@"; }
  another_way() {
    local sas
    sas=$("$python" tests/real/clouds.py az sas)
    secrets+=("${sas##*sig=}")
    (
      unset AZURE_STORAGE_USE_EMULATOR AZURE_STORAGE_ACCOUNT_KEY
      export AZURE_ALLOW_HTTP=true AZURE_STORAGE_ENDPOINT="$ENDPOINT/bench" AZURE_STORAGE_SAS_TOKEN="$sas"
      "$@"
    )
  }
  AZURITE_ACCOUNTS=bench:${secrets[0]} start node "$azurite/node_modules/azurite/dist/src/blob/main.js" \
    --inMemoryPersistence --disableTelemetry --silent --blobHost 127.0.0.1 --blobPort "$port"
}

begin_gs() {
  has_python "$venv" cryptography cryptography || return 1
  place=gs://rows absent=gs://absent/x left=0
  export TOKEN=ya29.not-to-be-shown-anywhere
  secrets=("$TOKEN" 'PRIVATE KEY')
  for name in account another; do "$python" tests/real/clouds.py gs key "$work/$name.json" "$ENDPOINT"; done
  export GOOGLE_SERVICE_ACCOUNT=$work/account.json
  at() { export GOOGLE_BASE_URL=$1; }
  with_a_wrong_key() { GOOGLE_SERVICE_ACCOUNT=$work/another.json "$@"; }
  another_way() {
    (unset GOOGLE_SERVICE_ACCOUNT && GOOGLE_BEARER_TOKEN=$TOKEN "$@") && emulated "$@"
  }
  start "$python" tests/real/gcs_server.py "$port" "$work/account.json" "$TOKEN"
}

# As emulators have it: a file that says where the store is and that nobody asks for a key, and nothing else.
emulated() {
  local asks
  asks=$(free_port)
  "$python" tests/real/clouds.py gs key "$work/emulated.json" "http://127.0.0.1:$asks" open
  start "$python" tests/real/gcs_server.py "$asks" open
  ENDPOINT="http://127.0.0.1:$asks" timeout 60 "$python" tests/real/clouds.py gs make
  (
    unset GOOGLE_BASE_URL
    export GOOGLE_SERVICE_ACCOUNT=$work/emulated.json
    export_run "$work/project" "$place/emulated"
    merged "$work/emulated" "$place/emulated"
  )
}

in_cloud() {
  "$python" tests/real/clouds.py "$cloud" "$@"
}

between() {
  behind=$(free_port)
  timeout "$longest" "$python" tests/real/clouds.py "$cloud" between "$behind" "$1" > "$work/between.txt" &
  servers+=($!)
  at "http://127.0.0.1:$behind"
  # That which is late is away at first, which is what is tried; the others are there before they are asked.
  [ "$1" = late ] || sleep 1
}

# export_run FOLDER URL
export_run() {
  (cd "$1" && timeout 200 "$program" export --format parquet -o "$2") 2>&1 | tee -a "$work/said.txt"
}

# Fails with what was not told.
tells() {
  if "${@:2}" > "$work/told.txt" 2>&1; then say 'it should have failed'; return 1; fi
  cat "$work/told.txt" >> "$work/said.txt"
  cat "$work/told.txt"
  grep -qF "$1" "$work/told.txt" || { say "it does not say: $1"; return 1; }
}

exported_and_repeated() {
  say "$cloud 1. a store that is there after three seconds, and whose replies are lost now and then"
  between late
  export_run "$work/project" "$place/a/b"
  tail -1 "$work/between.txt"
  grep -q 'replies lost' "$work/between.txt"
  at "$ENDPOINT"
  in_cloud count

  say "$cloud 2. put again: nothing changes"
  export_run "$work/project" "$place/a/b" > "$work/again.txt"
  grep ": 0 objects at $place/a/b" "$work/again.txt"

  say "$cloud 3. some objects were lost, and the store stops answering for eight seconds"
  in_cloud lose
  stopped=$(pgrep -P "$store" | head -1)
  kill -STOP "${stopped:-$store}"
  export_run "$work/project" "$place/a/b" & exporting=$!
  sleep 8
  kill -CONT "${stopped:-$store}"
  wait "$exporting"
  in_cloud count
}

refused() {
  say "$cloud 4. a bucket that is not there is told, and what to do"
  tells "cannot write $absent" export_run "$work/project" "$absent"
  grep -q 'make it there first' "$work/told.txt"
  tells "cannot list $absent" timeout 200 "$program" merge "$absent" --results-dir "$work/none"
  grep -q 'make it there first' "$work/told.txt"

  say "$cloud 5. a wrong key is told, and is shown no more than the right one"
  with_a_wrong_key true || return 0
  tells "cannot write $place/wrong" with_a_wrong_key export_run "$work/project" "$place/wrong"
  grep -q 'are the keys in the environment those of this store' "$work/told.txt"
  tells "cannot list $place/a/b" with_a_wrong_key timeout 200 "$program" merge "$place/a/b" --results-dir "$work/none"
}

large() {
  say "$cloud 6. a file in parts is refused after its first part: nothing of it is there"
  between cut
  tells "cannot write $place/large" export_run "$work/large" "$place/large"
  at "$ENDPOINT"
  grep -q refused "$work/between.txt"
  in_cloud large | tee "$work/large.txt"
  read -r objects bytes open < "$work/large.txt"
  [ "$objects" -eq 1 ] && [ "$bytes" -lt 10000 ] && [ "$open" -eq "$left" ]

  say "$cloud 7. put again, and the reply to what makes one object of the parts is lost"
  between complete
  export_run "$work/large" "$place/large"
  at "$ENDPOINT"
  grep -q '1 replies lost' "$work/between.txt"
  in_cloud large | tee "$work/large.txt"
  read -r objects bytes open < "$work/large.txt"
  [ "$objects" -eq 5 ] && [ "$bytes" -gt 16777216 ] && [ "$open" -eq 0 ]
  merged "$work/merged-large-$cloud" "$place/large"
}

# merged FOLDER URL: that a worker began late is this host's doing and not the place's, and is all that may be wrong.
merged() {
  local ended=0
  mkdir -p "$1"
  touch "$1/tokgate.toml"
  (cd "$1" && timeout 200 "$program" merge "$2" --results-dir "$1/results") > "$1/told.txt" 2>&1 || ended=$?
  cat "$1/told.txt" >> "$work/said.txt"
  if [ "$ended" -eq 3 ] && ! grep '^  INVALID' "$1/told.txt" | grep -vq 'began late'; then
    say 'the host is busy: a worker began late'
  elif [ "$ended" -ne 0 ]; then
    cat "$1/told.txt"
    return 1
  fi
  grep 'requests of' "$1/told.txt"
}

shared() {
  say "$cloud 8. three workers put their parts there, and one run is merged from there"
  local starts folder worker workers=()
  starts=$(date -u -d '+15 seconds' +%FT%TZ)
  for worker in 0 1 2; do
    folder=$work/$cloud-worker-$worker
    mkdir -p "$folder"
    touch "$folder/tokgate.toml"
    (cd "$folder" && exec timeout 200 "$program" run "$work/project/questions.toml" --base-url "$url" --model mock \
      --shard "$worker/3" --start-at "$starts" --slot 12 --out "$place/shared" --results-dir "$folder/results") \
      > "$folder/told.txt" 2>&1 &
    workers+=($!)
  done
  for worker in 0 1 2; do
    wait "${workers[$worker]}" || { cat "$work/$cloud-worker-$worker/told.txt"; return 1; }
    cat "$work/$cloud-worker-$worker/told.txt" >> "$work/said.txt"
  done
  merged "$work/merged-$cloud" "$place/shared"
  [ "$(grep -c '301 requests of 3 workers' "$work/merged-$cloud/told.txt")" -eq 2 ]
  [ "$(grep -c '200 requests of 3 workers' "$work/merged-$cloud/told.txt")" -eq 2 ]
  (cd "$work/merged-$cloud" && "$program" list --results-dir "$work/merged-$cloud/results")

  say "$cloud 9. with other keys, or another way to say where it is, the same is there"
  another_way merged "$work/another-$cloud" "$place/shared"
}

read_back() {
  say "$cloud 10. read back with DuckDB"
  mkdir -p "$work/$cloud/place"
  in_cloud fetch "$work/$cloud/place"
  run=$(ls "$work/$cloud/place/rows/requests" | sed 's/run=//')
  (cd "$work/project" && "$program" report "$run" --json > "$work/$cloud/$run.report.json")
  timeout 120 "$python" tests/real/questions.py duckdb "$work/$cloud" 1
}

each() {
  port=$(free_port)
  export ENDPOINT="http://127.0.0.1:$port"
  : > "$work/said.txt"
  "begin_$cloud" || return 0
  timeout 120 "$python" tests/real/clouds.py "$cloud" make
  at "$ENDPOINT"
  exported_and_repeated
  refused
  large
  shared
  read_back
  if grep -qF "$(printf '%s\n' "${secrets[@]}")" "$work/said.txt"; then say "$cloud: a key was shown"; exit 1; fi
  say "$cloud: all is as it should be"
}

# measure FOLDER URL SCENARIO
measure() {
  mkdir -p "$1"
  cp "$3" "$1/"
  touch "$1/tokgate.toml"
  (cd "$1" && timeout 300 "$program" run "$(basename "$3")" --base-url "$2" --model mock > run.txt) ||
    { tail -40 "$1/run.txt"; exit 1; }
}

unset TOKGATE_RESULTS
serve_mock "$program" "$work"
measure "$work/project" "$url" tests/real/questions.toml
noise=$(free_port)
start "$python" tests/real/large_usage.py "$noise"
sleep 1
measure "$work/large" "http://127.0.0.1:$noise/v1" tests/real/large_usage.toml
[ "$#" -gt 0 ] || set -- s3 az gs
for cloud in "$@"; do each; done
