//go:build !linux

package btf

import "testing"

func fuzzSeeds(*testing.F) [][]byte    { return nil }
func fuzzExtSeeds(*testing.F) [][]byte { return nil }
