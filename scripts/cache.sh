# Sourced by the other scripts: the folder that they fill and internal/testkit reads, and the installing of packages.
cache=${PUREBPF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/purebpf}

# missing_packages NAME...: prints those that are not installed; none on a machine that is not Debian-like.
missing_packages() {
  local p
  for p; do [[ $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) == installed ]] || echo "$p"; done
}

# need_packages NAME...: installs what is missing. Says what it cannot do and fails then.
need_packages() {
  local need
  if ! command -v apt-get >/dev/null; then
    echo "${0##*/}: no apt-get here; install by other means what these Debian packages hold: $*" >&2
    return 1
  fi
  mapfile -t need < <(missing_packages "$@")
  ((${#need[@]})) || return 0
  if [[ $(id -u) != 0 ]]; then
    echo "${0##*/}: not root; as root: apt-get install ${need[*]}" >&2
    return 1
  fi
  echo "${0##*/}: installing ${need[*]}"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${need[@]}"; } >"$cache/apt.log" 2>&1 || {
    tail -n 5 "$cache/apt.log" >&2
    echo "${0##*/}: apt-get could not install ${need[*]}" >&2
    return 1
  }
}
