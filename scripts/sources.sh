#!/bin/bash
# sources.sh [DIR]: unpacks what the headers for BPF programs are held against, of Debian's linux-source packages, into
# DIR/6.1 and DIR/6.12 (sources in the cache folder by default): the sources of the BPF selftests and of the other BPF
# programs in the kernel's tree with what they include, and every architecture's headers for user space. A minute; a
# folder that is already filled is left alone.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh
dir=${1:-$cache/sources}; mkdir -p "$dir"; dir=$(realpath "$dir")
for version in 6.1 6.12; do
  [[ -e $dir/$version/.complete ]] && continue
  need_packages "linux-source-$version" xz-utils
  top=linux-source-$version; rm -rf "${dir:?}/$version"; mkdir -p "$dir/$version"
  since=(); [[ $version == 6.1 ]] || since=("$top/tools/sched_ext/*.[ch]")
  tar -C "$dir/$version" --strip-components=1 -xf "/usr/src/$top.tar.xz" --wildcards \
    "$top/tools/include/*.h" "$top/tools/testing/selftests/bpf/*.[ch]" "$top/include/uapi/*" \
    "$top/arch/*/include/uapi/asm/*" "$top/tools/*.bpf.[ch]" "$top/tools/perf/util/bpf_skel/*.h" "$top/tools/bpf/*.h" \
    "$top/samples/bpf/*.[ch]" "$top/drivers/hid/bpf/*.[ch]" "$top/kernel/bpf/preload/*.[ch]" ${since[@]+"${since[@]}"}
  touch "$dir/$version/.complete"
done
