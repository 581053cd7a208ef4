#!/usr/bin/env bash
# Does the embedded engine say the same next token as llama.cpp, position by position?
#
# Tokens are forced, so that one difference does not make all that follow differ. Fails below 98 %:
# both quantise activations, and the embedded engine holds Q4_1 weights as Q8_0.
# usage: tests/real/llamacpp_agreement.sh    (minutes; needs cargo, python3 and pip)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/real/server.sh

prepare
texts="$work/texts.jsonl"
python3 tests/real/agreement.py texts > "$texts"
say 'asking the embedded engine'
TOKGATE_AGREEMENT_TEXTS="$PWD/$texts" TOKGATE_AGREEMENT_MODEL="$PWD/$model" timeout 1800 \
  cargo test --quiet --package tokgate-harness --lib next_tokens_are_written -- --ignored >&2
serve
say 'asking the server'
timeout 1200 python3 tests/real/agreement.py compare "$url" "$texts"
