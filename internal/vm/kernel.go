//go:build linux

package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Kernel is an unpacked kernel package.
type Kernel struct {
	Version string // "6.12", or "6.1-arm64" for another machine
	Release string // "6.12.117+deb12-cloud-amd64"
	Arch    string // in terms of GOARCH
	Image   string // path of vmlinuz
	Root    string // folder that contains boot and lib/modules
}

// FindKernel returns the kernel of a version ("6.1", or "6.1-s390x" for a machine other than amd64)
// among those that scripts/getkernel.sh unpacked below dir.
func FindKernel(dir, version string) (Kernel, error) {
	number, arch, foreign := strings.Cut(version, "-")
	if !foreign {
		arch = "amd64"
	}
	images, err := filepath.Glob(filepath.Join(dir, "*-"+arch, "boot", "vmlinuz-*"))
	if err != nil {
		return Kernel{}, err
	}
	for _, image := range images {
		release := strings.TrimPrefix(filepath.Base(image), "vmlinuz-")
		if strings.HasPrefix(release, number+".") {
			return Kernel{Version: version, Release: release, Arch: arch, Image: image,
				Root: filepath.Dir(filepath.Dir(image))}, nil
		}
	}
	return Kernel{}, fmt.Errorf("no kernel %s below %s (make kernels)", version, dir)
}

// Tools returns the folder with programs for the kernel's machine, laid out like a root folder; it
// may not exist.
func (k Kernel) Tools() string { return filepath.Join(k.Root, "tools") }

// busybox returns the path of this machine's busybox, "" if there is none or the kernel is for
// another machine.
func (k Kernel) busybox() string {
	if k.Arch != runtime.GOARCH {
		return "" // it is among Tools
	}
	path, err := exec.LookPath("busybox")
	if err != nil {
		return ""
	}
	return path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Config returns the path of the kernel's configuration.
func (k Kernel) Config() string { return filepath.Join(k.Root, "boot", "config-"+k.Release) }

// Modules returns the files of the named modules and of their dependencies, dependencies first;
// soft dependencies are left out. A name that is built into the kernel needs no file.
func (k Kernel) Modules(names ...string) ([]string, error) {
	dir := filepath.Join(k.Root, "lib", "modules", k.Release)
	text, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{}   // module name → file
	needs := map[string][]string{} // file → files that it depends on, the last to be loaded first
	for line := range strings.Lines(string(text)) {
		file, deps, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		files[moduleName(file)] = file
		needs[file] = strings.Fields(deps)
	}
	var order []string
	seen := map[string]bool{}
	add := func(file string) {
		if !seen[file] {
			seen[file] = true
			order = append(order, filepath.Join(dir, file))
		}
	}
	for _, name := range names {
		file, ok := files[name]
		if !ok {
			if isBuiltin(string(builtin), name) {
				continue
			}
			return nil, fmt.Errorf("kernel %s has no module %s", k.Release, name)
		}
		for i := len(needs[file]) - 1; i >= 0; i-- {
			add(needs[file][i])
		}
		add(file)
	}
	return order, nil
}

func isBuiltin(list, name string) bool {
	for line := range strings.Lines(list) {
		if moduleName(strings.TrimSpace(line)) == name {
			return true
		}
	}
	return false
}

// moduleName returns "veth" for kernel/drivers/net/veth.ko.xz; a dash in a file name is an
// underscore in the module's name.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}
