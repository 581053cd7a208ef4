#!/bin/sh
# Measures onto a disk of a few MiB until it is full, then gives it room and goes on with the run. Tells
# how long the run took to end once the disk was full, and how each call ended. Then the disk is read-only.
#
#     scripts/full_disk.sh [TOKGATE]     the program, else the release build of this folder
#
# Needs to mount a tmpfs: as root, or in a user namespace of its own. Where neither can be had, it says so and
# ends with 77.
set -eu

program="${1:-$(dirname "$0")/../target/release/tokgate}"
program="$(realpath "$program")"

if [ -z "${FULL_DISK_INSIDE:-}" ]; then
    if unshare --mount --map-root-user true 2> /dev/null; then
        FULL_DISK_INSIDE=1 exec unshare --mount --map-root-user sh "$0" "$program"
    elif [ "$(id -u)" = 0 ] && unshare --mount true 2> /dev/null; then
        FULL_DISK_INSIDE=1 exec unshare --mount sh "$0" "$program"
    fi
    echo "SKIPPED: no mount namespace can be had here"
    exit 77
fi

folder="$(mktemp -d)"
trap 'cd /; umount "$folder/r" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
mkdir r
if ! mount -t tmpfs -o size=8m tmpfs r; then
    echo "SKIPPED: no tmpfs can be mounted here"
    exit 77
fi
cat > case.toml << 'TOML'
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 1, itl_ms = 0.1 }
[dataset]
prompt_tokens = 8
output_tokens = 256
[[case]]
name = "first"
kind = "generation"
workload = { requests = 5, warmup = 0 }
[[case]]
name = "filling"
kind = "generation"
workload = { requests = 200, concurrency = 4, warmup = 0 }
[[case]]
name = "last"
kind = "generation"
workload = { requests = 5, warmup = 0 }
TOML
call() {
    code=0
    "$program" "$@" --results-dir r > out.txt 2> err.txt || code=$?
}
head -c 6500000 /dev/zero > r/ballast

"$program" run case.toml --results-dir r --format jsonl > out.txt 2> err.txt &
run=$!
full=""
while kill -0 "$run" 2> /dev/null; do
    if [ -z "$full" ] && [ "$(df --output=avail -k r | tail -1)" -eq 0 ]; then
        full="$(date +%s.%N)"
    fi
done
code=0
wait "$run" || code=$?
ended="$(date +%s.%N)"
echo "full: code $code, $(grep -c case_done out.txt || true) announced"
echo "after: $(echo "$ended ${full:-$ended}" | awk '{ printf "%.2f", $1 - $2 }') s"
sed 's/^/told: /' err.txt
rm r/ballast
call db check
echo "check: code $code"
call run --resume
echo "resumed: code $code"
sed 's/^/resumed told: /' err.txt
call run --resume
echo "again: code $code, $(cat out.txt)"
call db check
echo "check: code $code"
mount -o remount,ro r
call run case.toml
echo "read-only: code $code, $(cat err.txt)"
for what in list "report summary" "db check --quick"; do
    # shellcheck disable=SC2086
    call $what
    echo "read-only $what: code $code, $(head -c 200 err.txt | head -1)"
done
