#!/bin/bash
# build-oracle.sh [DIR]: builds DIR/oracle from testdata/oracle.c and C libbpf 1.5 (tools/lib/bpf of Debian's
# linux-source-6.12), and leaves that libbpf in DIR/libbpf (libbpf.a, include/bpf/*.h). Debian's own libbpf-dev is 1.1: too
# old for arenas and more. DIR is oracle in the cache folder by default. Done already: nothing to do, no network.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
dir=${1:-$cache/oracle}; mkdir -p "$dir"; dir=$(realpath "$dir")
[[ -x $dir/oracle && $dir/oracle -nt testdata/oracle.c && -e $dir/libbpf/libbpf.a ]] && exit 0
need_packages linux-source-6.12 gcc make libelf-dev zlib1g-dev python3 xz-utils
if [[ ! -e $dir/libbpf/libbpf.a || ! -e $dir/libbpf/include/bpf/libbpf.h ]]; then
  src=$(mktemp -d); trap 'rm -rf "$src"' EXIT
  tar -C "$src" -xf /usr/src/linux-source-6.12.tar.xz --wildcards \
    'linux-source-6.12/tools/*' 'linux-source-6.12/scripts/bpf_doc.py' 'linux-source-6.12/include/uapi/linux/bpf.h'
  lib=$src/linux-source-6.12/tools/lib/bpf
  mkdir -p "$dir/libbpf" "$src/out"
  { make -s -C "$lib" BUILD_STATIC_ONLY=1 OUTPUT="$src/out/" && make -s -C "$lib" BUILD_STATIC_ONLY=1 OUTPUT="$src/out/" prefix= DESTDIR="$dir/libbpf" install_headers; } \
    >"$dir/libbpf/build.log" 2>&1 || { tail -n 20 "$dir/libbpf/build.log" >&2; exit 1; }
  cp "$src/out/libbpf.a" "$dir/libbpf/"
fi
# Static, so that it runs in a virtual machine as it is.
cc -O1 -w -static -I"$dir/libbpf/include" testdata/oracle.c -o "$dir/oracle.new" "$dir/libbpf/libbpf.a" -lelf -lz
mv "$dir/oracle.new" "$dir/oracle"
