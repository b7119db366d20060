package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/purebpf/bpf/btf"
	"github.com/purebpf/bpf/facts"
	"github.com/purebpf/bpf/internal/denied"
	"github.com/purebpf/bpf/internal/input"
	"github.com/purebpf/bpf/internal/magic"
	"github.com/purebpf/bpf/kernel"
)

// recordedKernels reads the kernels at paths; see the help text of bpf check.
func recordedKernels(paths []string) ([]checkTarget, error) {
	var list []checkTarget
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, denied.Explain(path, denied.Reach, err)
		}
		if !info.IsDir() {
			if err := refuseObject(path, info); err != nil {
				return nil, err
			}
			t, err := recordedFile(path)
			if err != nil {
				return nil, err
			}
			list = append(list, t)
			continue
		}
		found, err := recordedFolder(path)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: no kernel in this folder: no file *.btf and no vmlinux",
				path)
		}
		list = append(list, found...)
	}
	return list, nil
}

// refuseObject refuses a BPF object, whose BTF isn't a kernel's.
func refuseObject(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := input.OpenStored(path, input.MaxBTF)
	if err != nil {
		return err
	}
	defer f.Close()
	head, err := f.UnpackedHead()
	if err == nil && magic.IsBPFObject(head) {
		err = errors.New("a BPF object, no kernel: give the BTF of a kernel, or its vmlinux image")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// recordedFile returns a kernel of which only the BTF is known.
func recordedFile(path string) (checkTarget, error) {
	raw, err := kernel.ReadBTF(path)
	if err != nil {
		return checkTarget{}, err
	}
	return target(path, facts.Recording{BTF: raw})
}

// target makes a kernel of a recording; its features come from its BTF, else from its version.
func target(name string, r facts.Recording) (checkTarget, error) {
	s, err := btf.Parse(r.BTF, nil)
	if err != nil {
		return checkTarget{}, fmt.Errorf("%s: %w", name, err)
	}
	r.Features = facts.Infer(s)
	for f, a := range facts.Upstream(r.Version) {
		if r.Features[f] == facts.Unknown {
			r.Features[f] = a
		}
	}
	return checkTarget{name: strings.TrimSuffix(unpackedName(filepath.Base(name)), ".btf"),
		kernel: facts.NewRecorded(r)}, nil
}

// recordedFolder finds the kernels in a directory and below.
func recordedFolder(root string) ([]checkTarget, error) {
	var list []checkTarget
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return denied.Explain(path, denied.Read|denied.Search, err)
		}
		if !d.IsDir() {
			if strings.HasSuffix(unpackedName(path), ".btf") {
				t, err := recordedFile(path)
				list = append(list, t)
				return err
			}
			return nil
		}
		image := filepath.Join(path, "vmlinux")
		if !exists(image) && !exists(image+".gz") {
			return nil
		}
		t, err := recordedKernel(path)
		list = append(list, t)
		if err != nil {
			return err
		}
		return filepath.SkipDir
	})
	return list, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// unpackedName returns the name of a gzip file without its suffix.
func unpackedName(name string) string { return strings.TrimSuffix(name, ".gz") }

// recordedKernel reads a directory that holds one kernel.
func recordedKernel(dir string) (checkTarget, error) {
	var r facts.Recording
	entries, err := os.ReadDir(dir)
	if err != nil {
		return checkTarget{}, denied.Explain(dir, denied.Read|denied.Search, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.IsDir() {
			continue
		}
		switch unpackedName(e.Name()) {
		case "vmlinux":
			r.BTF, err = kernel.ReadBTF(path)
		case "config":
			r.Kconfig, err = input.ReadUnpacked(path, input.MaxKconfig)
		case "kallsyms":
			r.Kallsyms, err = input.ReadUnpacked(path, input.MaxKallsyms)
		case "version":
			var text []byte
			if text, err = input.Read(path, input.MaxVersion); err == nil {
				r.Version = versionIn(string(bytes.TrimSpace(text)))
			}
		default:
			var raw []byte
			if raw, err = kernel.ReadBTF(path); err == nil {
				r.Modules = append(r.Modules,
					facts.ModuleRecording{Name: moduleName(unpackedName(e.Name())), BTF: raw})
			}
		}
		if err != nil {
			return checkTarget{}, err
		}
	}
	if r.Version == 0 {
		// "# Linux/x86 6.1.192 Kernel Configuration"
		for line := range strings.Lines(string(r.Kconfig[:min(len(r.Kconfig), 4096)])) {
			if words := strings.Fields(line); len(words) == 5 &&
				strings.HasPrefix(words[1], "Linux/") && words[3] == "Kernel" {
				r.Version = versionIn(words[2])
			}
		}
	}
	return target(dir, r)
}

// moduleName returns the name of the module whose BTF a file holds: "veth", "veth.btf", "veth.ko".
func moduleName(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(file, ".btf"), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// versionIn returns the version code of a release, 0 if it does not begin with one.
func versionIn(release string) uint32 {
	var a, b, c uint32
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &a, &b, &c); n < 2 {
		return 0
	}
	return kernel.VersionCode(a, b, c)
}
