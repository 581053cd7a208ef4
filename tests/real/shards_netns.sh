#!/usr/bin/env bash
# The workers of one load in network namespaces of their own, each with an address, a routing table and ports of its
# own, as hosts have them: shards_netns.sh [WORKERS...]. Needs root, `ip` (iproute2) and Python 3; PROGRAM names a
# build with `--features parquet`. Says, for each number of workers and both kinds of load, whether the same requests
# were sent as by one worker and whether the merged run is valid; exits 1 where not. Everything happens in a
# namespace that has no way out.
set -euo pipefail
cd "$(dirname "$0")/../.."

PROGRAM=$(realpath "${PROGRAM:-target/debug/tokgate}")
export PROGRAM
if [ "${1:-}" != inside ]; then
  exec unshare --net --mount "$0" inside "${@:-1 3 8}"
fi
shift
ip link set lo up
mount -t tmpfs tmpfs /run/netns 2>/dev/null || { mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns; }

work=$(mktemp -d)
children=()
finish() {
  [ "${#children[@]}" -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
  wait "${children[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

most=0
for n in $*; do [ "$n" -le "$most" ] || most=$n; done
ip link add bridge type bridge
ip addr add 10.77.0.1/24 dev bridge
ip link set bridge up
for i in $(seq 0 $((most - 1))); do
  ip netns add "host$i"
  ip link add "up$i" type veth peer name eth0 netns "host$i"
  ip link set "up$i" master bridge up
  ip -n "host$i" addr add "10.77.0.$((10 + i))/24" dev eth0
  ip -n "host$i" link set eth0 up
  ip -n "host$i" link set lo up
done

"$PROGRAM" mock-server --port 8000 --ttft-ms 20 --itl-ms 2 --lifetime-s 900 >"$work/mock" 2>&1 &
children+=($!)
# The mock server listens on the loopback alone; what comes over the bridge is passed on to it, and whence it came
# is kept.
python3 - "$work/came-from" <<'PY' &
import asyncio, sys
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
async def pass_on(reader, writer):
    with open(sys.argv[1], "a") as seen:
        seen.write(writer.get_extra_info("peername")[0] + "\n")
    inner, outer = await asyncio.open_connection("127.0.0.1", 8000)
    await asyncio.gather(pump(reader, outer), pump(inner, writer))
async def main():
    server = await asyncio.start_server(pass_on, "10.77.0.1", 8000)
    async with asyncio.timeout(900):
        await server.serve_forever()
asyncio.run(main())
PY
children+=($!)
for _ in $(seq 100); do
  (exec 3<>/dev/tcp/10.77.0.1/8000) 2>/dev/null && break
  sleep 0.1
done

cat >"$work/shared.toml" <<'TOML'
schema = 1
[target]
driver = "openai"
base_url = "http://10.77.0.1:8000/v1"
[dataset]
prompt_tokens = 16
output_tokens = 8
[run]
epochs = 2
[[case]]
name = "closed"
kind = "generation"
workload = { concurrency = 8, requests = 160, warmup = 8 }
[[case]]
name = "open"
kind = "generation"
workload = { kind = "poisson", rate = 60, duration_s = 4, warmup = 8 }
TOML

# What was sent: a line a request, by case, epoch, phase, number and when it was due since the load began; when is
# left out of a closed loop, where answers say when.
sent() {
  python3 - "$1" <<'PY'
import glob, json, sys
for name in sorted(glob.glob(f"{sys.argv[1]}/raw/*.jsonl")):
    head = None
    for line in open(name):
        one = json.loads(line)
        if one["kind"] == "case":
            head = one
        if one["kind"] == "request":
            print(head["case"]["id"], head["epoch"], one["phase"], one["ordinal"])
PY
}

failed=0
for n in $*; do
  out="$work/out-$n"
  start=$(date -u -d '+12 seconds' +%Y-%m-%dT%H:%M:%SZ)
  : >"$work/came-from"
  workers=()
  for i in $(seq 0 $((n - 1))); do
    mkdir -p "$work/host$n-$i"
    (cd "$work/host$n-$i" && touch tokgate.toml && exec ip netns exec "host$i" timeout 300 "$PROGRAM" run "$work/shared.toml" \
      --shard "$i/$n" --start-at "$start" --slot 12 --out "$out") >"$work/log-$n-$i" 2>&1 &
    workers+=($!)
  done
  for one in "${workers[@]}"; do
    wait "$one" || { echo "a worker of $n ended with $?"; tail -n 5 "$work"/log-"$n"-*; failed=1; }
  done
  hosts=$(sort -u "$work/came-from" | wc -l)
  mkdir -p "$work/merged-$n"
  touch "$work/merged-$n/tokgate.toml"
  code=0
  (cd "$work/merged-$n" && timeout 300 "$PROGRAM" merge "$out") >"$work/merge-$n" 2>&1 || code=$?
  sent "$work/merged-$n/results" | sort >"$work/sent-$n"
  echo "$n workers: $hosts addresses, $(wc -l <"$work/sent-$n") requests, merge ended with $code"
  [ "$code" -eq 0 ] || { grep -i invalid "$work/merge-$n" | sort | uniq -c | head -n 8; }
  first=${first:-$work/sent-$n}
  cmp "$first" "$work/sent-$n" || failed=1
  [ "$hosts" -eq "$n" ] || failed=1
done
exit "$failed"
