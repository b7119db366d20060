#!/bin/bash
# deps.sh: installs what the tests are held against (Debian packages), builds the C libbpf oracle, a newer bpftool, the
# corpus of real objects and the VM kernels, all in the cache folder (PUREBPF_CACHE, ~/.cache/purebpf by default). What is there already
# costs nothing and needs no network. Each part that cannot be had is named, with what follows; the exit status is 0 all
# the same unless -s (strict) is given: tests that need the part are skipped with that reason.
set -euo pipefail
cd "$(dirname "$0")"; . ./cache.sh; mkdir -p "$cache"
strict=; [[ ${1:-} != -s ]] || strict=1
lost=()
quiet() { "$@" >/dev/null; }
part() { # part WHAT-FOLLOWS COMMAND...
  local follows=$1; shift
  "$@" || lost+=("$follows")
}
part 'tests against LLVM, bpftool and C libbpf are skipped' need_packages clang-19 lld-19 llvm-19 bpftool libbpf-dev gcc make \
  libelf-dev zlib1g-dev python3 xz-utils linux-source-6.1 linux-source-6.12 libbpf-tools xdp-tools libxdp1 iproute2 strace binutils \
  systemtap-sdt-dev
[[ ! ${PUREBPF_LONG:-} ]] || part 'the headers are compiled with clang-19 alone' need_packages clang-14 clang-16
part 'tests in virtual machines are skipped' need_packages qemu-system-x86 busybox-static cpio kmod xz-utils lz4 zstd
part 'tests of the pure rooms on a big-endian machine do not run' need_packages qemu-user
part 'tests over real objects are skipped' ./corpus.sh
part 'the headers for BPF programs are not compared with the kernel' quiet ./sources.sh
part 'comparisons with C libbpf are skipped' ./build-oracle.sh
part 'sorted C declarations are not compared with bpftool' ./build-bpftool.sh
part 'metrics are not scraped by Prometheus' ./getprometheus.sh
part 'tests in virtual machines are skipped' quiet ./getkernel.sh
if ((${#lost[@]})); then
  printf 'deps.sh: so %s\n' "${lost[@]}" >&2
  [[ -z $strict ]] || exit 1
fi
