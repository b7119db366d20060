module github.com/purebpf/bpf

go 1.25.0
