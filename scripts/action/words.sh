# What the steps of action.yml share: how inputs become words of a command line.
# shellcheck shell=bash

refuse() {
  printf '::error title=tokgate::%s\n' "$1"
  exit 2
}

# An option that takes no value, where its input says so.
flag() {
  case "$2" in
    true) words+=("$1") ;;
    false | '') ;;
    *) refuse "input ${1#--} is '$2': say true or false" ;;
  esac
}

# An option with its value, where there is one.
option() {
  if [ -n "$2" ]; then words+=("$1=$2"); fi
}

# The scenarios, behind all options: none of them can be one.
scenarios() {
  local names=()
  read -ra names <<< "$1"
  if [ ${#names[@]} -gt 0 ]; then words+=(-- "${names[@]}"); fi
}

output() {
  printf '%s=%s\n' "$1" "$2" >> "$GITHUB_OUTPUT"
}
