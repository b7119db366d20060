# make help lists the targets. CONTRIBUTING.md says what each is for.
.PHONY: help build generate deps corpus oracle kernels test long unit race lint foreign fuzz test-vm bench release clean

help:
	@sed -n 's/^## //p' Makefile

## make build    the bpf command, static, in build/bpf
build:
	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o build/bpf ./cmd/bpf

## make generate the headers in include/bpf that are tables, and the table in docs/kernels.md
generate:
	go generate ./...

## make deps     installs what the tests are held against; builds oracle, corpus and VM kernels (Debian, root)
deps:
	scripts/deps.sh

## make corpus | oracle | kernels   one part of make deps
corpus:
	scripts/corpus.sh
oracle:
	scripts/build-oracle.sh
kernels:
	scripts/getkernel.sh

## make test     everything that must hold before a change lands (CI runs this)
test:
	scripts/test.sh

## make long     the same with nothing left out: no -short, every fuzz target a million times, all kernels (hours)
long:
	PUREBPF_LONG=1 scripts/test.sh

## make unit     go test ./... alone
unit:
	scripts/test.sh unit

## make race     with the race detector, what has goroutines or locks
race:
	scripts/test.sh race

## make lint     formatting, go vet, staticcheck, builds for other systems
lint:
	scripts/test.sh lint

## make foreign  tests of the pure rooms on a 32-bit and on a big-endian machine (emulated)
foreign:
	scripts/test.sh foreign

## make fuzz     every fuzz target FUZZRUNS times (1000000)
fuzz: FUZZRUNS ?= 1000000
fuzz:
	FUZZRUNS=$(FUZZRUNS) scripts/test.sh fuzz

## make test-vm  make unit, then the tests that a kernel decides in Debian's 6.1 and 6.12, and 6.1 for arm64 and s390x, under QEMU;
##               table of test × kernel in build/test/vm.txt
test-vm:
	scripts/test.sh unit vm

## make bench    C libbpf, cilium/ebpf and purebpf side by side; table in bench/RESULTS.md
bench:
	$(MAKE) -C bench

## make release  the bpf command for Linux on amd64 and arm64, static and reproducible, with checksums, in build/release
release:
	scripts/release.sh

clean:
	rm -rf build bench/build
