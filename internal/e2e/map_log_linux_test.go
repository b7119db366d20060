package e2e

import (
	"github.com/purebpf/bpf"

	"errors"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// mapLogKernel refuses a map and, as a kernel with BPF_COMMON_ATTRS, writes a log if requested.
type mapLogKernel struct {
	funnel.Kernel
	name    string
	text    string
	plain   []syscall.Errno // answers without a log; 0 asks the kernel, and so do all further ones
	knows   bool            // it has BPF_COMMON_ATTRS
	passing bool            // the map is created if it is requested with a log
	asked   int             // with a log
}

func (k *mapLogKernel) BPF(cmd uapi.Cmd, attr unsafe.Pointer, size uintptr,
	common unsafe.Pointer) (int, syscall.Errno) {
	const announced = 1 << 16
	if cmd == uapi.CmdProgLoad|announced {
		if k.knows {
			return -1, syscall.EFAULT
		}
		return -1, syscall.EINVAL
	}
	if cmd != uapi.CmdMapCreate || (*sys.MapCreateAttr)(attr).Name.String() != k.name {
		return k.Kernel.BPF(cmd, attr, size, common)
	}
	if common == nil {
		answer := syscall.Errno(0)
		if len(k.plain) > 0 {
			answer, k.plain = k.plain[0], k.plain[1:]
		}
		if answer != 0 {
			return -1, answer
		}
		return k.Kernel.BPF(cmd, attr, size, nil)
	}
	k.asked++
	log := (*sys.CommonAttr)(common)
	if log.LogLevel == 0 || log.LogSize == 0 {
		return -1, syscall.EINVAL
	}
	if k.passing {
		return k.Kernel.BPF(cmd, attr, size, nil)
	}
	copy(unsafe.Slice((*byte)(log.LogBuf.Unsafe()), log.LogSize), k.text+"\x00")
	return -1, syscall.EINVAL
}

// TestMapLog: a log is requested if the kernel writes one for maps and has refused one, and only
// then. The oracle is libbpf's probe for such kernels and the text that this one writes.
func TestMapLog(t *testing.T) {
	testkit.Root(t)
	const text = "Invalid value_size\nsecond line\n"
	twice := []syscall.Errno{syscall.EINVAL, syscall.EINVAL} // with the map's BTF and without
	for _, tc := range []struct {
		name   string
		kernel mapLogKernel
		asked  int
		loads  bool
		log    string
	}{
		{"taken", mapLogKernel{knows: true}, 0, true, ""},
		{"taken without BTF", mapLogKernel{knows: true, plain: twice[:1]}, 0, true, ""},
		{"refused", mapLogKernel{knows: true, plain: twice, text: text}, 1, false, text},
		{"refused, nothing to say", mapLogKernel{knows: true, plain: twice}, 1, false, ""},
		{"refused, then taken", mapLogKernel{knows: true, plain: twice, passing: true}, 1, true,
			""},
		{"refused, an older kernel", mapLogKernel{plain: twice, text: text}, 0, false, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := tc.kernel
			k.name = "array"
			restore := funnel.Replace(&k)
			obj, err := bpf.Load(open(t, "maps"), &bpf.LoadOptions{SkipPins: true})
			restore()
			if err == nil {
				obj.Close()
			}
			if (err == nil) != tc.loads || k.asked != tc.asked {
				t.Fatalf("%v, asked %d times, want loads %v, %d times",
					err, k.asked, tc.loads, tc.asked)
			}
			if tc.loads {
				return
			}
			var e *bpf.Error
			if !errors.As(err, &e) || !errors.Is(err, syscall.EINVAL) || e.Op != "create map" ||
				e.Log != tc.log {
				t.Fatalf("%+v", err)
			}
			if line := err.Error(); strings.Contains(line,
				"Invalid value_size; second line") != (tc.log != "") ||
				strings.Contains(line, "\n") {
				t.Errorf("%q", line)
			}
		})
	}
}
