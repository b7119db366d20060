module github.com/purebpf/bpf/bench

go 1.25.0

require (
	github.com/cilium/ebpf v0.22.0
	github.com/purebpf/bpf v0.0.0
)

require golang.org/x/sys v0.47.0 // indirect

replace github.com/purebpf/bpf => ../
