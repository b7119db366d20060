package structops_test

import (
	"strings"
	"testing"

	"github.com/purebpf/bpf/cmd/bpf/internal/structops"
	"github.com/purebpf/bpf/cmd/bpf/internal/zoo"
	"github.com/purebpf/bpf/internal/testkit"
)

// TestBadInput: errors name what is wrong.
func TestBadInput(t *testing.T) {
	testkit.Root(t)
	for _, test := range []struct{ line, want string }{
		{"register", "object file is missing"},
		{"register /nonexistent", "no such file"},
		{"register ../../../../testdata/link.bpf.o", "no struct_ops maps"},
		{"unregister id 4294967295", "no such file"},
		{"unregister", "name a map"},
		{"show name no_such_map", "no map has name"},
	} {
		_, err := zoo.Run(t, structops.Command(), strings.Fields(test.line)...)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.line, err)
		}
	}
}
