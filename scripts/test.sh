#!/bin/bash
# test.sh [lint|unit|race|foreign|fuzz|vm]...: the steps of make test, all of them by default. Every step runs even when one before it
# failed; the report at the end counts tests, lists skips with their reasons, and decides the exit status.
set -euo pipefail
cd "$(dirname "$0")/.."; . scripts/cache.sh
everything=; (($#)) || everything=1
mkdir -p build "$cache"; rm -rf build/test
start=$SECONDS

# PUREBPF_LONG=1 (make long): nothing is sampled.
long=${PUREBPF_LONG:-}; short=(-short); [[ ! $long ]] || short=()

# What can be installed here must be there: then its absence is a failure, not a skip.
if [[ $everything ]]; then
  if scripts/deps.sh -s; then export PUREBPF_CORPUS_REQUIRED=1 PUREBPF_TOOLS_REQUIRED=1; fi
fi
go build -o build/testsum ./internal/testsum
sum=build/testsum

# The rooms that import no operating system build and are tested everywhere. internal/archtest has the list and proves it.
pure=()
while read -r dir; do
  compgen -G "$dir/*.go" >/dev/null && pure+=("./$dir")
done < <(sed -n 's/^\t{dir: "\([^"]*\)", .*pure: true.*/\1/p' internal/archtest/archtest_test.go)

lint() {
  $sum check -quiet gofmt gofmt -l .
  $sum check vet go vet ./...
  $sum check staticcheck go tool staticcheck ./...
  $sum check mod-tidy go mod tidy -diff
  $sum check generate bash -c 'rm -rf build/generate; cp -r include/bpf build/generate &&
    go run ./internal/headergen build/generate && diff -r include/bpf build/generate &&
    cp docs/kernels.md build/kernels.md && go run ./internal/vmtest -guide build/kernels.md && diff docs/kernels.md build/kernels.md'
  $sum check bench-vet env -C bench go vet ./...
  $sum check metrics-vet env -C metrics/prometheus go vet ./...
  for target in darwin/arm64 windows/amd64 linux/arm linux/s390x; do
    $sum check "build-$target" env CGO_ENABLED=0 GOOS="${target%/*}" GOARCH="${target#*/}" go build "${pure[@]}"
  done
  $sum check build-all-linux/arm64 env CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go vet ./...
  # Two releases are equal, sums are right, and the binary says which version it is.
  $sum check release bash -c 'export VERSION=v0.0.0-test; scripts/release.sh build/release-1 && scripts/release.sh build/release-2 &&
    diff -r build/release-1 build/release-2 && (cd build/release-1 && sha256sum -c SHA256SUMS) && build/release-1/bpf-linux-$(go env GOARCH) version |
    grep -q "^bpf v0.0.0-test "'
  for os in darwin windows; do
    $sum check "build-cmd-$os" env CGO_ENABLED=0 GOOS=$os GOARCH=amd64 go build -o /dev/null ./cmd/bpf
  done
}
unit() {
  $sum test unit go test -json -timeout ${long:+5}20m ./...
  $sum test unit-metrics env -C metrics/prometheus go test -json ./...
}
# The race detector is after interleavings, not after coverage: it runs the packages that start goroutines or hold locks, with -short,
# and of the pure rooms the tests that start goroutines. With PUREBPF_LONG it runs all.
race() {
  if [[ $long ]]; then $sum test race go test -json -race -timeout 520m ./...; return; fi
  local concurrent='\bgo func|\bgo [a-zA-Z_.]+\(|\.Go\(|"sync(/atomic)?"' dir others=() alone=() tests
  while read -r dir; do
    dir=.${dir#"$PWD"}
    [[ ! " ${pure[*]} " == *" $dir "* ]] || continue
    if grep -qE "$concurrent" "$dir"/*.go; then others+=("$dir"); else alone+=("$dir"); fi
  done < <(go list -f '{{.Dir}}' ./...)
  $sum test race go test -json -race -short -timeout 20m "${others[@]}"
  tests=$(find "${pure[@]}" -maxdepth 1 -name '*_test.go' -exec awk '/^func / { name = "" } /^func Test/ { sub(/\(.*/, "", $2); name = $2 }
    name && /(^|[^a-zA-Z_])go func|\.Go\(/ { print name }' {} + | sort -u | paste -sd'|')
  $sum test race-pure go test -json -race -short -timeout 20m -run "^($tests)\$" "${pure[@]}"
  $sum skip race-alone "no goroutines and no locks in ${alone[*]}, nor in the other tests of the pure rooms (make long runs them)"
}
# The pure rooms on a 32-bit machine and on a big-endian one. A kernel may run 32-bit x86 programs or not, and old QEMUs' user
# emulation has threads of 32-bit x86 share their thread-local storage, of which Go programs die: a test program is tried, and
# what neither runs, Debian's kernel runs in a virtual machine. Not skelgen and examples, whose tests build and run Go programs.
foreign() {
  local pure=("${pure[@]}") room
  for room in "${!pure[@]}"; do [[ ! ${pure[room]} =~ ^./(examples|internal/skelgen)$ ]] || unset "pure[room]"; done
  local try=build/try-386 with=no how
  CGO_ENABLED=0 GOARCH=386 go test -c -o $try ./uapi
  for how in "" qemu-i386; do
    if (cd uapi && $how ../$try -test.short) >/dev/null 2>&1; then with=$how; break; fi
  done
  if [[ $with != no ]]; then
    $sum test 386 env CGO_ENABLED=0 GOARCH=386 go test -json ${short[@]+"${short[@]}"} -timeout 20m ${with:+-exec "$with"} "${pure[@]}"
  elif can_vm; then
    # Not uapi, whose table is newer than that kernel, nor the listings, which take half an hour there. Besides, a skeleton.
    local rooms=(./internal/skeltest); for room in "${pure[@]}"; do [[ $room == ./uapi || $room == ./internal/objdump ]] || rooms+=("$room"); done
    local IFS=,
    $sum test 386 build/vmtest -goarch 386 ${short[@]+"${short[@]}"} -modules "" -corpus tools,xdp -packages "${rooms[*]}" 6.1
    unset IFS
  else
    $sum skip 386 "this kernel runs no 32-bit x86 programs, nor does qemu-i386, and there is no virtual machine for them ($why)"
  fi
  if command -v qemu-s390x >/dev/null; then
    # Not plan and preflight: they resolve little-endian objects, which a big-endian kernel takes as little as C libbpf there.
    local readers=(); for room in "${pure[@]}"; do [[ $room == ./plan || $room == ./preflight ]] || readers+=("$room"); done
    $sum test s390x env CGO_ENABLED=0 GOARCH=s390x go test -json ${short[@]+"${short[@]}"} -timeout ${long:+1}20m -exec qemu-s390x "${readers[@]}"
  else
    $sum skip s390x "no qemu-s390x here (package qemu-user): the pure rooms are built for it, their tests do not run"
  fi
}
fuzz() { local runs=40000; [[ ! $long ]] || runs=1000000; $sum fuzz "${FUZZRUNS:-$runs}" "${pure[@]}"; }
# Whether other kernels can be run here; else why says what is missing.
can_vm() {
  why=; local need
  for need in qemu-system-x86_64 busybox; do
    command -v $need >/dev/null || { why="no $need here: no tests in other kernels (make deps)"; return 1; }
  done
  compgen -G "$cache/kernels/*/boot/vmlinuz-6.1.*" >/dev/null || { why="no kernel unpacked: no tests in other kernels (make kernels)"; return 1; }
  go build -o build/vmtest ./internal/vmtest
}
vm() {
  can_vm || { $sum skip vm "$why"; return; }
  # What the host's tests compile is copied into the machines, and what they found is a column of the table.
  local kernels=(6.1) corpus=tools,xdp host=() short=(-short)
  [[ ! -e build/test/unit.json ]] || host=(-host build/test/unit.json)
  if [[ ! $everything || $long ]]; then # make test-vm: further kernels and machines, and the selftests, which take minutes under emulation
    kernels+=(6.12) corpus+=,selftests short=()
    if why=$(scripts/getkernel.sh linux-image-cloud-arm64 linux-image-s390x 2>&1); then
      kernels+=(6.1-arm64 6.1-s390x)
    else
      $sum skip vm-foreign "${why:-no kernels of other machines}"
    fi
  fi
  $sum test vm build/vmtest -table build/test/vm.txt -corpus "$corpus" ${short[@]+"${short[@]}"} ${host[@]+"${host[@]}"} "${kernels[@]}"
  [[ $everything && ! $long || ! -e build/test/vm.txt ]] || { echo; sed '/^$/q' build/test/vm.txt; } # the features; every test is in the file
}
if [[ $everything ]]; then
  lint; unit; race
  # QEMU emulates the machine in one thread, and what the pure rooms' tests find does not depend on time: beside each other these steps
  # take three minutes less. What vm prints comes last.
  can_vm || true
  vm >build/test/vm.log 2>&1 & machine=$!
  trap wait EXIT # leave no machine behind
  foreign; fuzz
  status=0; wait "$machine" || status=$?
  cat build/test/vm.log
  ((status == 0)) || exit "$status"
else
  for step in "$@"; do
    case $step in lint | unit | race | foreign | fuzz | vm) "$step" ;; *) echo "test.sh: no step $step" >&2; exit 2 ;; esac
  done
fi
echo "== all: $((SECONDS - start)) s"
$sum report
