#!/bin/bash
# getkernel.sh [META...]: unpacks Debian kernel images (nothing is installed) into the cache folder's kernels/META and
# prints the path of each vmlinuz. META is linux-image-cloud-amd64 (6.1) and linux-image-6.12-cloud-amd64 by default. Point
# releases change, so the version comes from what the metapackage depends on. An unpacked one is kept: no network then.
# A META of another architecture (linux-image-cloud-arm64, linux-image-s390x) comes with that architecture's programs that tests use
# (kernels/META/tools), from a package index of its own that leaves the machine's alone; its emulator is installed.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
[[ $# -gt 0 ]] || set -- linux-image-cloud-amd64 linux-image-6.12-cloud-amd64
command -v apt-get >/dev/null || { echo "getkernel.sh: no apt-get here: no kernels for virtual machines" >&2; exit 1; }
native=$(dpkg --print-architecture)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT; chmod 755 "$tmp"
tools=(busybox-static bpftool iproute2 util-linux gzip libc-bin)
updated=
for meta; do
  dir=$cache/kernels/$meta arch=${meta##*-}
  case $arch in
    "$native") ;;
    arm64) need_packages qemu-system-arm ;;
    s390x) need_packages qemu-system-misc ;;
  esac
  if ! compgen -G "$dir/boot/vmlinuz-*" >/dev/null; then
    options=() more=() debs=$tmp/$meta; mkdir "$debs"; chmod 755 "$debs"
    if [[ $arch != "$native" ]]; then
      lists=$tmp/lists-$arch; mkdir -p "$lists/partial"
      options=(-o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::State::Lists="$lists" -o Dir::State::Status=/dev/null
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)
      apt-get "${options[@]}" update -q >/dev/null 2>&1 || true # what is missing then is named below
      mapfile -t more < <(apt-get "${options[@]}" -s --no-install-recommends install "${tools[@]}" 2>/dev/null | awk '$1=="Inst" {print $2}')
      ((${#more[@]})) || more=("${tools[@]}")
    fi
    image() { apt-cache ${options[@]+"${options[@]}"} depends --no-recommends --no-suggests "$meta" 2>/dev/null | awk '$1=="Depends:" && $2 ~ /^linux-image-/ {print $2; exit}'; }
    fetch() { (cd "$debs" && apt-get ${options[@]+"${options[@]}"} -qq download "$(image)" ${more[@]+"${more[@]}"} 2>/dev/null); }
    if [[ -z $(image) ]] || ! fetch; then # an old package list names a point release that is gone
      [[ -n $updated || $arch != "$native" ]] || { apt-get update -q >/dev/null 2>&1 || true; updated=1; }
      [[ -n $(image) ]] && fetch || { echo "getkernel.sh: apt cannot download $meta ${more[*]-}" >&2; exit 1; }
    fi
    rm -rf "$dir.new"; mkdir -p "$dir.new"
    for deb in "$debs"/*.deb; do
      case ${deb##*/} in
        linux-image-*) dpkg-deb -x "$deb" "$dir.new" ;;
        *) dpkg-deb -x "$deb" "$dir.new/tools" ;;
      esac
    done
    if [[ $arch != "$native" ]]; then
      rm -rf "$dir.new"/tools/{etc,usr/share,usr/lib/*/gconv,var}
      # An absolute link would be followed to this machine's file.
      find "$dir.new/tools" -type l -lname '/*' -printf '%p %l\n' | while read -r link target; do
        rm "$link"; [[ ! -f $dir.new/tools$target ]] || cp "$dir.new/tools$target" "$link"
      done
      find "$dir.new/tools" -xtype l -delete
    fi
    depmod -b "$dir.new" "$(basename "$dir.new"/lib/modules/*)"
    rm -rf "$dir"; mv "$dir.new" "$dir"
  fi
  echo "$dir"/boot/vmlinuz-*
done
