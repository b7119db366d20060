//go:build linux

package sys_test

import (
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
)

func TestMain(m *testing.M) {
	sys.TrackFDs(true)
	testkit.Main(m, sys.FDOrigin)
}
