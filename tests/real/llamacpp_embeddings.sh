#!/usr/bin/env bash
# Are llama.cpp's vectors read in both encodings, and are questions answered from passages that one
# llama.cpp embeds and another one reads?
#
# Fails on failed requests, vectors of another length than the model's, tokens that are not counted,
# an exact search that is not exact, and parts that are longer than the whole; times are printed.
# usage: tests/real/llamacpp_embeddings.sh    (minutes; needs cargo, python3 and pip)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/server.sh

measure() {
  timeout 900 target/debug/tokgate run tests/real/llamacpp_embeddings.toml "$@" \
    --results-dir "$work/embeddings" --format json
}

prepare
say 'building'
timeout 3600 cargo build --quiet --workspace --bin tokgate
serve
writer=$url writing=$server
EMBEDS=1 serve
trap 'kill "$server" "$writing" 2>/dev/null || true; wait "$server" "$writing" 2>/dev/null || true' EXIT
rm -rf "$work/embeddings"
say 'measuring'
# 3: the machine was too noisy to judge, and nothing is judged here.
measure --base-url "$url/v1" --category vectors > "$work/embeddings.json" || [ $? -eq 3 ]
measure --base-url "$writer/v1" --set "rag.embedding_url=$url/v1" --category answers > "$work/rag.json" || [ $? -eq 3 ]
timeout 60 python3 tests/real/embeddings.py "$work/embeddings.json" "$work/rag.json"
