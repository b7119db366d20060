#!/bin/bash
# build-bpftool.sh [DIR]: builds DIR/bpftool, bpftool 7.5 of Debian's linux-source-6.12, which sorts C declarations as Debian's own
# bpftool, 7.1, does not yet. DIR is bpftool-7.5 in the cache folder by default. Only its first stage is built: gen and btf. Done
# already: nothing to do, no network.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
dir=${1:-$cache/bpftool-7.5}; mkdir -p "$dir"; dir=$(realpath "$dir")
[[ ! -x $dir/bpftool ]] || exit 0
need_packages linux-source-6.12 gcc make libelf-dev zlib1g-dev xz-utils python3
src=$(mktemp -d); trap 'rm -rf "$src"' EXIT
top=linux-source-6.12
tar -C "$src" --strip-components=1 -xf "/usr/src/$top.tar.xz" --wildcards \
  "$top/tools/arch/*" "$top/tools/bpf/bpftool/*" "$top/tools/build/*" "$top/tools/include/*" "$top/tools/lib/*" \
  "$top/tools/scripts/*" "$top/scripts/bpf_doc.py" "$top/include/uapi/linux/bpf.h"
mkdir "$src/out"
make -s -C "$src/tools/bpf/bpftool" OUTPUT="$src/out/" bootstrap >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; exit 1; }
cp "$src/out/bootstrap/bpftool" "$dir/bpftool.new"
mv "$dir/bpftool.new" "$dir/bpftool"
