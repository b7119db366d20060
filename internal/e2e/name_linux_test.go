package e2e

import (
	"github.com/purebpf/bpf"

	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/uapi"
)

// TestOddNames loads programs and maps whose names have characters that the kernel refuses. The
// oracle is the running kernel: it loads them, and reports their names.
func TestOddNames(t *testing.T) {
	testkit.Root(t)
	for name, want := range map[string]string{
		"local-net":                "local_net",
		"a b/c":                    "a_b_c",
		"operator+<int>":           "operator__int_",
		"größe":                    "gr____e",
		"a.name_of-more-than-15":   "a.name_of_more_",
		"plain.name_1":             "plain.name_1",
		"\x01\x7f\xff":             "___",
		"fifteen--------and_a-bit": "fifteen________",
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, "net")
			for _, p := range o.Programs {
				p.Autoload = false
			}
			p := o.Programs[0]
			p.Name, p.Autoload = name, true
			o.Maps = append(o.Maps, &object.Map{
				Name: name, KernelName: name, Index: len(o.Maps), Autocreate: true,
				Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1,
			})
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			obj, err := bpf.Load(o, &bpf.LoadOptions{SkipPins: true, Logger: logger})
			if err != nil {
				t.Fatal(err)
			}
			defer obj.Close()
			info, err := obj.Programs()[0].Info()
			if err != nil || info.Name != want {
				t.Errorf("the program is called %q, want %q (%v)", info.Name, want, err)
			}
			m := obj.Maps()[len(obj.Maps())-1]
			if info, err := m.Info(); err != nil || info.Name != want {
				t.Errorf("the map is called %q, want %q (%v)", info.Name, want, err)
			}
			odd := want != name[:min(len(name), 15)]
			if strings.Contains(log.String(), "in the kernel") != odd {
				t.Errorf("logged: %s", &log)
			}
			alone, err := bpf.CreateMap(&object.Map{
				Name: name, Type: uapi.MapArray, KeySize: 4, ValueSize: 4, MaxEntries: 1,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer alone.Close()
			if info, err := alone.Info(); err != nil || info.Name != want {
				t.Errorf("the map made alone is called %q, want %q (%v)", info.Name, want, err)
			}
		})
	}
}
