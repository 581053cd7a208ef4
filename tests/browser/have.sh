# Chromium, Node and the modules of package-lock.json, for scripts that open pages; sourced in the repository's root.
# `find_chromium` says where it is; `have_browser` installs what is missing where apt-get is, or fails and says in
# `$lacks` what cannot be had.

modules=target/browser

find_chromium() {
  command -v chromium || command -v chromium-browser || command -v google-chrome
}

install() {
  apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"
}

have_browser() {
  mkdir -p "$modules"
  if ! find_chromium >/dev/null; then
    lacks='there is no Chromium, and none can be installed'
    install chromium fonts-dejavu-core >target/browser-install.log 2>&1 || return 1
  fi
  if ! command -v npm >/dev/null; then
    lacks='there is no Node, and none can be installed'
    install nodejs npm >>target/browser-install.log 2>&1 || return 1
  fi
  cp tests/browser/package.json tests/browser/package-lock.json "$modules/"
  # At the versions and checksums of the lock file; nothing of it runs when it is installed.
  lacks='npm cannot have what the tests need'
  npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund --silent
}
