package main

import (
	"fmt"

	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/magic"
	"github.com/purebpf/bpf/kernel"
	"github.com/purebpf/bpf/object"
	"github.com/purebpf/bpf/plan"
	"github.com/purebpf/bpf/preflight"
	"github.com/purebpf/bpf/sys"
	"github.com/spf13/pflag"
)

// objectOptions are the flags that change how an object is resolved and loaded, the same for every
// verb.
type objectOptions struct {
	kconfigFile string
	coreBTF     string
	pinRoot     string
	token       string
	relaxedMaps bool
}

// resolving adds the flags of verbs that resolve an object.
func (f *objectOptions) resolving(set *pflag.FlagSet) {
	set.StringVar(&f.kconfigFile, "kconfig", "",
		"file of CONFIG_NAME=value lines that override the kernel's configuration; may be "+
			"compressed with gzip")
	set.StringVar(&f.coreBTF, "core-btf", "",
		"file with BTF to use for CO-RE instead of the kernel's: raw BTF, or an ELF file that "+
			"has it")
	set.BoolVar(&f.relaxedMaps, "relaxed-maps", false,
		"ignore unknown fields of map definitions")
}

// open opens an object as the flags say.
func (f *objectOptions) open(path string) (*object.Object, error) {
	return openObject(path, &object.Options{RelaxedMaps: f.relaxedMaps})
}

// pinning adds the flag of verbs that depend on where maps are pinned by name.
func (f *objectOptions) pinning(set *pflag.FlagSet) {
	set.StringVar(&f.pinRoot, "pin-root", "",
		"directory of a BPF file system for maps that are pinned by name (default /sys/fs/bpf)")
}

// delegated adds the flag of verbs that use the running kernel.
func (f *objectOptions) delegated(set *pflag.FlagSet) {
	set.StringVar(&f.token, "token", "",
		"BPF file system that delegates bpf(2) commands: use a token of it (Linux 6.9)")
}

// all adds all of them, for verbs that load an object to keep it.
func (f *objectOptions) all(set *pflag.FlagSet) {
	f.resolving(set)
	f.pinning(set)
	f.delegated(set)
}

// kconfig returns the text of --kconfig.
func (f *objectOptions) kconfig() (string, error) {
	if f.kconfigFile == "" {
		return "", nil
	}
	text, err := input.ReadUnpacked(f.kconfigFile, input.MaxKconfig)
	if err != nil {
		return "", err
	}
	if what := magic.Text(text[:min(len(text), magic.HeadSize)]); what != "" {
		return "", fmt.Errorf("%s: not CONFIG_NAME=value lines but %s", f.kconfigFile, what)
	}
	return string(text), nil
}

// customBTF returns the BTF of --core-btf, nil for none.
func (f *objectOptions) customBTF() (*btf.Spec, error) {
	if f.coreBTF == "" {
		return nil, nil
	}
	raw, err := kernel.ReadBTF(f.coreBTF)
	if err != nil {
		return nil, err
	}
	s, err := btf.Parse(raw, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.coreBTF, err)
	}
	return s, nil
}

// load returns the options of a load.
func (f *objectOptions) load() (*bpf.LoadOptions, error) {
	p, err := f.plan()
	if err != nil {
		return nil, err
	}
	return &bpf.LoadOptions{Kconfig: p.Kconfig, CustomBTF: p.CustomBTF,
		PinRoot: p.PinRoot, TokenPath: f.token}, nil
}

// loadObject loads an object as the flags say.
func (f *objectOptions) loadObject(o *object.Object) (*bpf.Object, error) {
	opts, err := f.load()
	if err != nil {
		return nil, err
	}
	return bpf.Load(o, opts)
}

// plan returns the options of a plan.
func (f *objectOptions) plan() (*plan.Options, error) {
	text, err := f.kconfig()
	if err != nil {
		return nil, err
	}
	s, err := f.customBTF()
	if err != nil {
		return nil, err
	}
	return &plan.Options{Kconfig: text, CustomBTF: s, PinRoot: f.pinRoot}, nil
}

// check returns the options of a check.
func (f *objectOptions) check() (*preflight.Options, error) {
	p, err := f.plan()
	if err != nil {
		return nil, err
	}
	return &preflight.Options{Kconfig: p.Kconfig, CustomBTF: p.CustomBTF}, nil
}

// require checks the capabilities that loading o needs, unless a token replaces them.
func (f *objectOptions) require(o *object.Object) error {
	if f.token != "" {
		return nil
	}
	return requireFor(o)
}

// kernel returns the running kernel as seen with the token. The caller closes the token, which may
// be nil.
func (f *objectOptions) kernel() (*kernel.Facts, *sys.FD, error) {
	k := kernel.Running()
	if f.token == "" {
		return k, nil, nil
	}
	fd, err := kernel.OpenToken(f.token)
	if err != nil {
		return nil, nil, fmt.Errorf("make BPF token of %s: %w", f.token, err)
	}
	return k.WithToken(fd.Int()), fd, nil
}
