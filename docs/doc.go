// Package docs holds the guides. Its tests keep them true: Go code in them compiles, identifiers
// and links exist, examples run.
package docs

//go:generate go run ../internal/vmtest -guide kernels.md
