//go:build !linux

package input

import "os"

func ready(f *os.File) (content, error) { return f, nil }
