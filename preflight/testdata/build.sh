#!/bin/bash
# build.sh: compiles the objects of this folder with clang-19. C libbpf's headers are those of scripts/build-oracle.sh.
set -eu
cd "$(dirname "$0")"
. ../../scripts/cache.sh
for name in guards flags; do
	clang-19 -target bpf -g -O2 -Wall -Werror -fdebug-compilation-dir=. -I"$cache/oracle/libbpf/include" -idirafter /usr/include/x86_64-linux-gnu \
		-c "$name.bpf.c" -o "$name.bpf.o"
	llvm-strip-19 -g "$name.bpf.o"
done
