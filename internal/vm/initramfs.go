//go:build linux

package vm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Initramfs is the content of a machine's root file system: the source of each path in the machine.
type Initramfs struct {
	files  map[string]string // copied from a file on this machine
	links  map[string]string
	inline map[string][]byte
}

// NewInitramfs returns a root file system for a kernel with the guest program (a static build of
// internal/vm/guest for the kernel's machine), busybox if there is one (the guest creates all its
// names), programs for another machine that were unpacked beside its kernel, and what programs
// expect in /etc.
func NewInitramfs(k Kernel, guest string) *Initramfs {
	r := &Initramfs{map[string]string{}, map[string]string{}, map[string][]byte{}}
	r.Add(guest, InitPath)
	r.Text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
	r.Text("/etc/group", "root:x:0:\n")
	r.Text("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
	r.links["/etc/mtab"] = "/proc/mounts"
	if busybox := k.busybox(); busybox != "" {
		r.Add(busybox, BusyboxPath)
	}
	if exists(k.Tools()) {
		r.Add(k.Tools(), "/")
	}
	return r
}

// Add copies a file, or a folder with all its content, to a path in the machine. A path below an
// added folder replaces the folder's file of that name.
func (r *Initramfs) Add(from, to string) { r.files[path.Clean(to)] = from }

// AddProgram copies a program to the same path in the machine, with the shared libraries that it
// needs.
func (r *Initramfs) AddProgram(file string) error {
	r.Add(file, file)
	text, err := exec.Command("ldd", file).CombinedOutput()
	if err != nil {
		if bytes.Contains(text, []byte("not a dynamic executable")) {
			return nil // static, or a script
		}
		return fmt.Errorf("ldd %s: %w %s", file, err, text)
	}
	for word := range strings.FieldsSeq(string(text)) {
		if strings.HasPrefix(word, "/") {
			r.Add(word, word)
		}
	}
	return nil
}

// Text creates a file with the given content in the machine.
func (r *Initramfs) Text(to, content string) { r.inline[path.Clean(to)] = []byte(content) }

// Job adds the kernel's configuration, the named modules (unpacked here, in load order) and the job
// to the machine. It sets the job's Modules and Port.
func (r *Initramfs) Job(k Kernel, job Job, modules ...string) error {
	if _, err := os.Stat(k.Config()); err == nil {
		r.Add(k.Config(), "/boot/config-"+k.Release) // libbpf and package kernel look for it there
	}
	m, err := k.machine()
	if err != nil {
		return err
	}
	files, err := k.Modules(append(slices.Clone(m.modules), modules...)...)
	if err != nil {
		return err
	}
	job.Modules, job.Port = nil, m.port
	for _, file := range files {
		to := ModuleDir + "/" + moduleName(file) + ".ko"
		if err := r.module(file, to); err != nil {
			return err
		}
		job.Modules = append(job.Modules, to)
	}
	text, err := json.Marshal(job)
	if err != nil {
		return err
	}
	r.inline[JobPath] = text
	return nil
}

func (r *Initramfs) module(file, to string) error {
	unpack := map[string][]string{".xz": {"xz", "-dc"}, ".zst": {"zstd", "-dcq"},
		".gz": {"gzip", "-dc"}}[filepath.Ext(file)]
	if unpack == nil {
		r.Add(file, to)
		return nil
	}
	var stderr bytes.Buffer
	cmd := exec.Command(unpack[0], append(unpack[1:], file)...)
	cmd.Stderr = &stderr
	content, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("unpacking module %s: %w %s", file, err, stderr.Bytes())
	}
	r.inline[to] = content
	return nil
}

// WriteFile writes the archive.
func (r *Initramfs) WriteFile(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	c := newCpioWriter(f)
	for _, dir := range []string{"/bin", "/dev", "/mnt", "/out", "/proc", "/root", "/run", "/sys",
		"/tmp", "/var/tmp"} {
		c.add(dir, modeFolder, 0, nil)
	}
	for to, content := range r.inline {
		c.add(to, modeFile, int64(len(content)), bytes.NewReader(content))
	}
	for to, target := range r.links {
		c.add(to, modeLink, int64(len(target)), strings.NewReader(target))
	}
	// A file may replace one of a folder: the kernel uses the later one.
	for _, to := range slices.Sorted(maps.Keys(r.files)) {
		if err := c.copy(r.files[to], to); err != nil {
			return err
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	return f.Close()
}

// copy adds a file or a folder. For a symbolic link it adds the target.
func (c *cpioWriter) copy(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return c.copyFile(from, to, info)
	}
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		target := path.Join(to, filepath.ToSlash(rel))
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if info.IsDir() {
			c.add(target, modeFolder, 0, nil)
			return c.err
		}
		return c.copyFile(file, target, info)
	})
}

func (c *cpioWriter) copyFile(from, to string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("initramfs: %s is not a regular file", from)
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	mode := uint32(modeFile)
	if info.Mode()&0o111 != 0 {
		mode = modeProgram
	}
	c.add(to, mode, info.Size(), f)
	return c.err
}
