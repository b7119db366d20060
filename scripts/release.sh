#!/bin/bash
# release.sh [DIR]: the bpf command for Linux on amd64 and arm64, static, in DIR (build/release), with SHA256SUMS.
# VERSION stamps them; by default it is what git calls this commit. The same commit and the same Go release give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/release}
version=${VERSION:-$(git describe --tags --always --dirty --match 'v*')}
rm -rf "$dir"; mkdir -p "$dir"
unset GOFLAGS GOEXPERIMENT
export CGO_ENABLED=0 GOOS=linux GOAMD64=v1 GOARM64=v8.0 GOWORK=off
for arch in amd64 arm64; do
  GOARCH=$arch go build -trimpath -buildvcs=false -ldflags="-s -w -buildid= -X main.stamp=$version" -o "$dir/bpf-linux-$arch" ./cmd/bpf
done
cd "$dir"
sha256sum bpf-linux-* >SHA256SUMS
cat SHA256SUMS
