#!/usr/bin/env bash
# Puts tokgate on the path of the steps that follow: a release that is checked, or a build of this checkout.
# A step of action.yml; what it is asked for comes in MODE and VERSION.
set -euo pipefail

# Whose releases are taken, whoever's copy of the action this is.
repository=tokgate/tokgate
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

refuse() {
  printf '::error title=tokgate::%s\n' "$1"
  exit 2
}

# A value of this checkout's Cargo.toml, the first of that name.
manifest() {
  sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$here/Cargo.toml" | head -n 1
}

# The platform as releases name it.
target() {
  case "$RUNNER_OS-$RUNNER_ARCH" in
    Linux-X64) echo x86_64-unknown-linux-gnu ;;
    Linux-ARM64) echo aarch64-unknown-linux-gnu ;;
    macOS-X64) echo x86_64-apple-darwin ;;
    macOS-ARM64) echo aarch64-apple-darwin ;;
    Windows-X64) echo x86_64-pc-windows-msvc ;;
    *) return 1 ;;
  esac
}

# Fetches files of a release into the folder we are in: with gh, or, where a runner has none, over HTTPS.
fetch() {
  local tag=$1 file
  shift
  if command -v gh >/dev/null; then
    local wanted=()
    for file in "$@"; do wanted+=(--pattern "$file"); done
    gh release download "$tag" --repo "$repository" "${wanted[@]}"
    return
  fi
  for file in "$@"; do
    curl --fail --silent --show-error --location --proto '=https' --retry 3 \
      --output "$file" "https://github.com/$repository/releases/download/$tag/$file"
  done
}

# Whether the file is the one of the checksums.
check() {
  local line
  line=$(grep -F "  $1" SHA256SUMS | grep -E "^[0-9a-f]{64}  $1\$") || refuse "SHA256SUMS has no line for $1"
  if command -v sha256sum >/dev/null; then
    printf '%s\n' "$line" | sha256sum --check --strict
  else
    printf '%s\n' "$line" | shasum --algorithm 256 --check
  fi
}

# Whether it was built by the release workflow of its repository, where gh can tell.
attested() {
  if ! command -v gh >/dev/null || ! gh attestation verify --help >/dev/null 2>&1; then
    printf '::notice title=tokgate::%s\n' "no gh here that verifies attestations: $1 was checked by its checksum alone"
    return
  fi
  gh attestation verify "$1" --repo "$repository" --signer-workflow "$repository/.github/workflows/release.yml"
}

release() {
  local tag=$1 platform name file
  [[ $tag =~ ^v[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]+)?$ ]] \
    || refuse "version '$tag' is no release such as v0.1.0, and neither 'source' nor 'installed'"
  platform=$(target) || refuse "there is no release for $RUNNER_OS on $RUNNER_ARCH: say 'version: source'"
  name="tokgate-$tag-$platform"
  file="$name.tar.gz"
  if [ "$RUNNER_OS" = Windows ]; then file="$name.zip"; fi
  rm -rf "$RUNNER_TEMP/tokgate-release"
  mkdir -p "$RUNNER_TEMP/tokgate-release"
  cd "$RUNNER_TEMP/tokgate-release"
  fetch "$tag" "$file" SHA256SUMS
  check "$file"
  attested "$file"
  if [ "$RUNNER_OS" = Windows ]; then 7z x -bso0 "$file"; else tar -xzf "$file"; fi
  found "$RUNNER_TEMP/tokgate-release/$name"
}

source_build() {
  local rust cargo=(cargo)
  rust=$(manifest rust-version)
  command -v cargo >/dev/null || refuse "'version: source' needs Rust $rust on this runner"
  if command -v rustup >/dev/null; then
    # The least that builds it: a patch release of that version.
    rustup toolchain install "$rust" --profile minimal --no-self-update
    cargo=(cargo "+$rust")
  fi
  "${cargo[@]}" install --locked --path "$here" --root "$RUNNER_TEMP/tokgate-source" --bin tokgate --force
  found "$RUNNER_TEMP/tokgate-source/bin"
}

# The folder is first on the path from now on.
found() {
  local folder=$1
  if [ "$RUNNER_OS" = Windows ]; then folder=$(cygpath --windows "$folder"); fi
  printf '%s\n' "$folder" >> "$GITHUB_PATH"
  "$1/tokgate" --version
}

case "$MODE" in
  gate | report | install) ;;
  *) refuse "mode '$MODE' is none of gate, report and install" ;;
esac
case "$VERSION" in
  installed) tokgate --version || refuse "no tokgate is on the path of this runner" ;;
  source) source_build ;;
  '') release "v$(manifest version)" ;;
  *) release "$VERSION" ;;
esac
