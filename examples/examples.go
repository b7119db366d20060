// Package examples embeds the sources of the examples below it, from which bpf new makes projects.
package examples

import "embed"

// Files has NAME/NAME.bpf.c and NAME/main.go of each example.
//
//go:embed */*.bpf.c */main.go
var Files embed.FS
