//go:build !linux

package input

import "os"

func isPipe(*os.File) bool { return true }
