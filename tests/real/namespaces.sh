#!/usr/bin/env bash
# Do one, three and eight workers send the same requests, each from a host of its own?
#
# Every worker has a network namespace with an address of its own, on a bridge, and a mock server in another one says
# what it was sent. An open loop and a closed one; with eight workers some have no sender.
# usage: tests/real/namespaces.sh    (a minute; needs root, ip, python3)
# PROGRAM names a tokgate that is built already, with the feature `parquet`; else a release build is made.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/mock.sh
work=$(mktemp -d)
made=()
clean() {
  stop_servers
  for space in "${made[@]}"; do ip netns del "$space" 2> /dev/null || true; done
  rm -rf "$work"
}
trap clean EXIT

space() { ip netns add "$1" && made+=("$1") && ip -n "$1" link set lo up; }
server=tokgate-$$
if ! space "$server" 2> /dev/null || ! ip -n "$server" link add name wire type bridge 2> /dev/null; then
  say 'LEFT OUT: network namespaces are not to be had here'
  exit 0
fi
ip -n "$server" addr add 10.77.0.1/24 dev wire
ip -n "$server" link set wire up
for worker in 0 1 2 3 4 5 6 7; do
  space "$server-$worker"
  ip -n "$server" link add "w$worker" type veth peer name eth0 netns "$server-$worker"
  ip -n "$server" link set "w$worker" master wire up
  ip -n "$server-$worker" addr add "10.77.0.1$worker/24" dev eth0
  ip -n "$server-$worker" link set eth0 up
done

if [ -z "${PROGRAM:-}" ]; then
  build --bin tokgate --features parquet
  PROGRAM=target/release/tokgate
fi
program=$(realpath "$PROGRAM")
here=$PWD/tests/real
# The mock server listens on loopback alone: what comes to the bridge is handed to it.
cat > "$work/mock" << HAND_OVER
#!/usr/bin/env bash
exec ip netns exec $server $program "\$@"
HAND_OVER
chmod +x "$work/mock"
serve_mock "$work/mock" "$work/server"
port=${url#http://127.0.0.1:}
ip netns exec "$server" timeout "$longest" python3 "$here/namespaces.py" forward 10.77.0.1:9000 \
  "127.0.0.1:${port%/v1}" "$work/peers.txt" &
servers+=($!)
for _ in $(seq 100); do
  ip netns exec "$server" bash -c ': < /dev/tcp/10.77.0.1/9000' 2> /dev/null && break
  sleep 0.1
done

cat > "$work/load.toml" << SCENARIO
schema = 1
[target]
driver = "openai"
base_url = "http://10.77.0.1:9000/v1"
model = "mock"
[run]
salt = false
[dataset]
prompt_tokens = 16
output_tokens = 8
[[case]]
name = "open"
kind = "generation"
workload = { kind = "poisson", rate = 60, duration_s = 4, warmup = 16 }
[[case]]
name = "closed"
kind = "generation"
workload = { concurrency = 6, requests = 120, warmup = 12, batch = 2 }
SCENARIO

for of in 1 3 8; do
  start=$(date -u -d '+8 seconds' +%FT%TZ)
  : > "$work/peers.txt"
  workers=()
  for ((worker = 0; worker < of; worker++)); do
    ip netns exec "$server-$worker" timeout 120 "$program" run "$work/load.toml" --shard "$worker/$of" \
      --start-at "$start" --slot 15 --out "$work/rows-$of" --results-dir "$work/results-$of" \
      > "$work/said-$of-$worker.txt" 2>&1 &
    workers+=($!)
  done
  for worker in "${workers[@]}"; do wait "$worker" || { cat "$work/said-$of-"*; exit 1; }; done
  ip netns exec "$server" python3 "$here/namespaces.py" sent "$work/results-$of" "$url" "$work/peers.txt" \
    > "$work/sent-$of.txt" 2> "$work/told.txt"
  say "$of workers: $(cat "$work/told.txt")"
done
cmp "$work/sent-1.txt" "$work/sent-3.txt"
cmp "$work/sent-1.txt" "$work/sent-8.txt"
say "one, three and eight workers sent the same $(wc -l < "$work/sent-1.txt") requests and prompts"
