//go:build linux

package kernel

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/oldkernel"
	"github.com/purebpf/bpf/internal/testkit"
	"github.com/purebpf/bpf/sys"
	"github.com/purebpf/bpf/uapi"
)

// TestFeaturesOfThisKernel uses as oracle the upstream release in which each feature appeared (git
// describe --contains of the commits), and the kernel's configuration where it matters.
func TestFeaturesOfThisKernel(t *testing.T) {
	testkit.Root(t)
	f := Running()
	config, err := f.Kconfig()
	if err != nil {
		config = nil
	}
	needs := map[facts.Feature]string{facts.SyscallWrapper: "CONFIG_KPROBES=y",
		facts.UprobeMultiLink: "CONFIG_UPROBE_EVENTS=y"}
	for feature := range facts.NumFeatures {
		name, since := feature.String(), feature.Since()
		want := f.Version() >= versionCode(t, since)
		if option, ok := needs[feature]; ok && want && config != nil {
			want = strings.Contains(string(config), "\n"+option+"\n")
		}
		if feature == facts.UprobeSyscall || feature == facts.LdImm64FullRangeOff ||
			feature == facts.ModuleBTF {
			continue // below
		}
		if got, err := f.Has(feature); err != nil || got != want {
			t.Errorf("%s (since %s): %v, %v", name, since, got, err)
		}
	}
	for _, feature := range []facts.Feature{facts.UprobeSyscall, facts.LdImm64FullRangeOff,
		facts.ModuleBTF} {
		if _, err := f.Has(feature); err != nil {
			t.Error(err)
		}
	}
}

func versionCode(t *testing.T, text string) uint32 {
	major, minor, ok := strings.Cut(text, ".")
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if !ok || err != nil || err2 != nil {
		t.Fatalf("%q is no version", text)
	}
	return VersionCode(uint32(a), uint32(b), 0)
}

// implied: a kernel without the key lacks the values too (as a probe sees it).
var implied = map[facts.Feature][]facts.Feature{
	facts.BTFLoad: {facts.BTFFunc, facts.BTFGlobalFunc, facts.BTFDatasec, facts.BTFQmarkDatasec,
		facts.BTFFloat, facts.BTFDeclTag,
		facts.BTFTypeTag, facts.BTFEnum64, facts.BTFLayout, facts.ModuleBTF, facts.ArgCtxTag},
	facts.BTFFunc:       {facts.BTFGlobalFunc, facts.ArgCtxTag},
	facts.BTFGlobalFunc: {facts.ArgCtxTag},
	facts.BTFDatasec:    {facts.BTFQmarkDatasec},
	facts.BTFDeclTag:    {facts.ArgCtxTag},
	facts.ExpAttachType: {facts.UprobeMultiLink},
	facts.GlobalData:    {facts.LdImm64FullRangeOff},
}

// TestEachFeatureMissing runs all probes against a kernel that lacks one feature (simulated, see
// package oldkernel): the answer is no for this feature and those that depend on it, and as before
// for every other.
func TestEachFeatureMissing(t *testing.T) {
	testkit.Root(t)
	normal := answers(t, Running())
	for missing, refuse := range oldkernel.Lacks {
		missing := facts.Feature(missing)
		name := missing.String()
		if refuse == nil {
			continue // SyscallWrapper and UprobeSyscall do not use bpf(2)
		}
		t.Run(name, func(t *testing.T) {
			install(t, refuse)
			got := answers(t, Running())
			for feature, want := range normal {
				feature := facts.Feature(feature)
				if feature == missing {
					want = false
				}
				for _, also := range implied[missing] {
					if feature == also {
						want = false
					}
				}
				if got[feature] != want {
					t.Errorf("%s is %v", feature, got[feature])
				}
			}
		})
	}
}

func answers(t *testing.T, f *Facts) (list [facts.NumFeatures]bool) {
	t.Helper()
	for feature := range list {
		yes, err := f.Has(facts.Feature(feature))
		if err != nil {
			t.Error(err)
		}
		list[feature] = yes
	}
	return list
}

// TestInconclusive checks that an errno that is not about the feature is an error and is not kept,
// and that the next question gets the true answer. The rule is this package's own (see the package
// comment).
func TestInconclusive(t *testing.T) {
	testkit.Root(t)
	normal := answers(t, Running())
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EMFILE, syscall.ENFILE,
		syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN, syscall.ENOSYS, syscall.EIO} {
		for feature := range facts.NumFeatures {
			if oldkernel.Lacks[feature] == nil {
				continue
			}
			name := feature.String()
			broken := true
			fake := install(t, func(call) syscall.Errno {
				if broken {
					return errno
				}
				return 0
			})
			f := Running()
			if yes, err := f.Has(feature); yes || !errors.Is(err, errno) {
				t.Errorf("%s, %v: %v, %v", name, errno, yes, err)
			} else if pe := new(ProbeError); !errors.As(err, &pe) || pe.What != name ||
				!strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			broken = false
			if yes, err := f.Has(feature); err != nil || yes != normal[feature] {
				t.Errorf("%s after %v: %v, %v", name, errno, yes, err)
			}
			asked := fake.Calls()
			if yes, err := f.Has(feature); err != nil || yes != normal[feature] ||
				fake.Calls() != asked {
				t.Errorf("%s the third time: %v, %v, %d calls", name, yes, err, fake.Calls()-asked)
			}
		}
	}
}

// TestFleeting checks that a transient failure of a probe does not change the answer. The oracle is
// the answer of the undisturbed kernel.
func TestFleeting(t *testing.T) {
	testkit.Root(t)
	normal := answers(t, Running())
	for _, errno := range []syscall.Errno{syscall.EINTR, syscall.EAGAIN, syscall.ENOMEM} {
		for feature := range facts.NumFeatures {
			failed := false
			install(t, func(call) syscall.Errno {
				if failed {
					return 0
				}
				failed = true
				return errno
			})
			if yes, err := Running().Has(feature); err != nil || yes != normal[feature] {
				t.Errorf("%s, one call answered %v: %v, %v", feature, errno, yes, err)
			}
		}
	}
}

// TestOddAnswers covers behaviour of only some kernels. The errnos are the kernel's.
func TestOddAnswers(t *testing.T) {
	testkit.Root(t)
	for _, c := range []struct {
		name    string
		feature facts.Feature
		refuse  func(call) syscall.Errno
		want    bool
	}{
		{"perf links", facts.PerfLink, oldkernel.On(uapi.CmdLinkCreate, syscall.EBADF, nil), true},
		// 6.6 to 6.9: process -1 is looked up and not found.
		{"uprobe_multi with the thread filter", facts.UprobeMultiLink, func(c call) syscall.Errno {
			if c.Cmd != uapi.CmdLinkCreate {
				return 0
			}
			return syscall.EBADF
		}, false},
		{"uprobe_multi", facts.UprobeMultiLink, func(c call) syscall.Errno {
			if c.Cmd != uapi.CmdLinkCreate {
				return 0
			}
			if c.Word(56) == 0 {
				return syscall.EBADF
			}
			return syscall.EINVAL
		}, true},
		{"full range", facts.LdImm64FullRangeOff, func(c call) syscall.Errno {
			if c.Cmd != uapi.CmdProgLoad || c.Prog().LogLevel == 0 {
				return 0
			}
			c.WriteLog("0: (18) r1 = 0x0\ninvalid access to map value pointer, value_size=32 off=1073741824\n")
			return syscall.EACCES
		}, true},
		{"arg:ctx not seen", facts.ArgCtxTag, oldkernel.OnProg(syscall.EACCES, nil), false},
		{"common attributes", facts.CommonAttrs,
			oldkernel.On(uapi.CmdProgLoad|1<<16, syscall.EFAULT, nil), true},
		{"layout", facts.BTFLayout, func(c call) syscall.Errno { return 0 }, false},
	} {
		if c.name == "layout" && Running().Version() >= VersionCode(7, 0, 0) {
			continue
		}
		install(t, c.refuse)
		if got, err := Running().Has(c.feature); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	// A log with neither message leaves the question open.
	install(t, func(c call) syscall.Errno {
		if c.Cmd == uapi.CmdProgLoad && c.Prog().LogLevel != 0 {
			c.WriteLog("something else")
			return syscall.EINVAL
		}
		return 0
	})
	if _, err := Running().Has(facts.LdImm64FullRangeOff); err == nil {
		t.Error("an unknown log was accepted as an answer")
	}
}

func TestHasOnceForMany(t *testing.T) {
	testkit.Root(t)
	fake := install(t, func(call) syscall.Errno { return 0 })
	f := Running()
	var wg sync.WaitGroup
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for feature := range facts.NumFeatures {
				f.Has(feature)
			}
		}()
	}
	wg.Wait()
	many := fake.Calls()
	f = Running()
	for feature := range facts.NumFeatures {
		f.Has(feature)
	}
	if one := fake.Calls() - many; many != one {
		t.Errorf("16 goroutines made %d calls, one makes %d", many, one)
	}
	if _, err := f.Has(facts.NumFeatures); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("unknown feature: %v", err)
	}
}

// A view with a token probes with it and does not share its answers.
func TestToken(t *testing.T) {
	testkit.Root(t)
	var tokens, without int
	install(t, func(c call) syscall.Errno {
		switch c.Cmd {
		case uapi.CmdProgLoad:
			if c.Prog().TokenFD == 77 && c.Prog().Flags&uapi.FProgTokenFD != 0 {
				tokens++
			} else {
				without++
			}
			return syscall.EINVAL
		case uapi.CmdMapCreate:
			if c.Map().TokenFD == 77 && c.Map().Flags&uapi.FTokenFD != 0 {
				tokens++
			} else {
				without++
			}
			return syscall.EINVAL
		case uapi.CmdBTFLoad:
			a := (*sys.BTFLoadAttr)(c.Attr)
			if a.TokenFD == 77 && a.Flags&uapi.FBTFTokenFD != 0 {
				tokens++
			} else {
				without++
			}
			return syscall.EINVAL
		}
		return 0
	})
	plain := Running()
	if yes, err := plain.Has(facts.ProgName); yes || err != nil || without != 1 {
		t.Errorf("%v, %v, %d", yes, err, without)
	}
	without = 0
	f := plain.WithToken(77)
	for feature := range facts.NumFeatures {
		if feature != facts.CommonAttrs {
			f.Has(feature)
		}
	}
	if without != 0 || tokens < 20 {
		t.Errorf("%d calls with the token, %d without", tokens, without)
	}
	if n, _ := f.HasMapType(uapi.MapArrayOfMaps); n || without != 0 {
		t.Errorf("map of maps: %v, %d calls without the token", n, without)
	}
}

// TestAllKindsBTF checks that one upload proves all features about kinds of types if the kernel has
// them all. If it lacks one (the fake refuses BTF with a FLOAT), each is probed.
func TestAllKindsBTF(t *testing.T) {
	testkit.Root(t)
	testkit.Kernel(t, "6.9") // the newest of them: '?' in names of sections
	uploads := 0
	lacksFloat := false
	install(t, func(c call) syscall.Errno {
		if c.Cmd != uapi.CmdBTFLoad {
			return 0
		}
		uploads++
		a := (*sys.BTFLoadAttr)(c.Attr)
		raw := unsafe.Slice((*byte)(a.BTF.Unsafe()), a.Size)
		if lacksFloat && bytes.Contains(raw, []byte("\x00float\x00")) {
			return syscall.EINVAL
		}
		return 0
	})
	k := Running()
	for _, f := range btfKindFeatures {
		if yes, err := k.Has(f); !yes || err != nil {
			t.Errorf("%v: %v, %v", f, yes, err)
		}
	}
	if uploads != 1 {
		t.Errorf("%d uploads, want 1", uploads)
	}
	lacksFloat, k, uploads = true, Running(), 0
	for _, f := range btfKindFeatures {
		if yes, err := k.Has(f); yes != (f != facts.BTFFloat) || err != nil {
			t.Errorf("without FLOAT: %v: %v, %v", f, yes, err)
		}
	}
	if uploads != 1+len(btfKindFeatures) {
		t.Errorf("without FLOAT: %d uploads", uploads)
	}
}
