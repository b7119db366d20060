#!/bin/bash
# getkernel.sh [META...]: unpacks Debian kernel images (nothing is installed) into the cache folder's kernels/META and
# prints the path of each vmlinuz. META is linux-image-cloud-amd64 (6.1) and linux-image-6.12-cloud-amd64 by default. Point
# releases change, so the version comes from what the metapackage depends on. An unpacked one is kept: no network then.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
[[ $# -gt 0 ]] || set -- linux-image-cloud-amd64 linux-image-6.12-cloud-amd64
command -v apt-get >/dev/null || { echo "getkernel.sh: no apt-get here: no kernels for virtual machines" >&2; exit 1; }
updated=
for meta; do
  dir=$cache/kernels/$meta
  if ! compgen -G "$dir/boot/vmlinuz-*" >/dev/null; then
    image() { apt-cache depends --no-recommends --no-suggests "$meta" 2>/dev/null | awk '$1=="Depends:" && $2 ~ /^linux-image-/ {print $2; exit}'; }
    fetch() { (cd "$tmp" && apt-get -qq download "$(image)" 2>/dev/null); }
    tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT; chmod 755 "$tmp"
    if [[ -z $(image) ]] || ! fetch; then # an old package list names a point release that is gone
      [[ -n $updated ]] || { apt-get update -q >/dev/null 2>&1 || true; updated=1; }
      [[ -n $(image) ]] && fetch || { echo "getkernel.sh: apt cannot download $meta" >&2; exit 1; }
    fi
    rm -rf "$dir.new"; mkdir -p "$dir.new"
    dpkg-deb -x "$tmp"/*.deb "$dir.new"
    depmod -b "$dir.new" "$(basename "$dir.new"/lib/modules/*)"
    rm -rf "$dir"; mv "$dir.new" "$dir"; rm -rf "$tmp"
  fi
  echo "$dir"/boot/vmlinuz-*
done
