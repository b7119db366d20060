#!/bin/bash
# corpus.sh [DIR]: fills DIR (corpus in the cache folder by default) with real BPF objects that nobody here wrote, from
# Debian packages alone:
#   DIR/selftests/*.bpf.o   the kernel's own BPF selftests (linux-source-6.1), compiled with clang-19
#   DIR/tools/*.bpf.o       the objects embedded in the libbpf-tools programs, carved out of their binaries
#   DIR/xdp/*.o             the objects of xdp-tools and libxdp
# About 1.5 minutes on two cores; a folder that is already filled is left alone, and needs no network.
set -euo pipefail
cd "$(dirname "$0")"; here=$PWD; . ./cache.sh
dir=${1:-$cache/corpus}; mkdir -p "$dir"; dir=$(realpath "$dir")
todo=(); for d in xdp tools selftests; do [[ -e $dir/$d/.done ]] || todo+=("$d"); done
((${#todo[@]})) || exit 0
need_packages clang-19 llvm-19 bpftool libbpf-dev linux-source-6.1 libbpf-tools xdp-tools libxdp1 python3 xz-utils

fill_xdp() {
  dpkg -L xdp-tools libxdp1 | grep '\.o$' | xargs -r cp -t "$dir/xdp"
}

fill_tools() {
  dpkg -L libbpf-tools | grep -E '/s?bin/[^/]+$' | python3 "$here/testdata/carve.py" "$dir/tools"
}

fill_selftests() {
  local src self; src=$(mktemp -d)
  tar -C "$src" -xf /usr/src/linux-source-6.1.tar.xz --wildcards 'linux-source-6.1/tools/*'
  self=$src/linux-source-6.1/tools/testing/selftests/bpf
  bpftool=$(command -v bpftool || echo /usr/sbin/bpftool)
  "$bpftool" btf dump file /sys/kernel/btf/vmlinux format c >"$src/vmlinux.h"
  compile() { # a selftest that clang-19 refuses is left out; the count printed below tells how many are in
    local n; n=$(basename "$1" .c)
    clang-19 -g -O2 -mcpu=v3 -target bpf -mlittle-endian -D__TARGET_ARCH_x86 -I. -I"$2" -I../../../include/uapi \
      -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include -Wno-compare-distinct-pointer-types \
      -c "$1" -o "$3/$n.bpf.o" 2>/dev/null || rm -f "$3/$n.bpf.o"
  }
  export -f compile
  (cd "$self" && printf '%s\n' progs/*.c | xargs -P "$(nproc)" -I{} bash -c 'compile "$@"' - {} "$src" "$dir/selftests")
  rm -rf "$src"
}

for d in "${todo[@]}"; do
  mkdir -p "$dir/$d"; "fill_$d"
  n=$(find "$dir/$d" -name '*.o' | wc -l); echo "corpus: $d $n objects"
  ((n > 0)) || { echo "corpus.sh: $d stayed empty" >&2; exit 1; }
  touch "$dir/$d/.done"
done
