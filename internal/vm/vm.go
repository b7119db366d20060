//go:build linux

// Package vm runs commands as root in a disposable virtual machine under QEMU's software emulation,
// to test features that the running kernel lacks, and the different behaviour of older kernels.
//
// A machine is a kernel image, an initramfs made for it ([Initramfs]) and a [Job] in that
// initramfs: the modules to load and the commands to run. Its first process (package guest, built
// static) runs the job and reports every command's output and end as [Report] lines on its own
// serial port; the console goes to a file that is quoted if the machine dies. The machine ends by
// rebooting, at which QEMU exits.
package vm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Paths of the guest program, its job and the modules in the initramfs.
const (
	InitPath  = "/init"
	JobPath   = "/vm/job.json"
	ModuleDir = "/vm/modules"

	BusyboxPath = "/bin/busybox"
)

// Job is the work of the guest, in order.
type Job struct {
	Modules []string `json:"modules"` // paths of module files, dependencies first
	// Port is the device for [Report] lines to the host, which exists once the modules are loaded.
	Port     string    `json:"port"`
	Commands []Command `json:"commands"`
}

// Command is one program to run. It is killed after Timeout.
type Command struct {
	Path    string        `json:"path"`
	Args    []string      `json:"args"`
	Dir     string        `json:"dir"`
	Env     []string      `json:"env"`
	Timeout time.Duration `json:"timeout"`
}

// Report is one line from the guest.
type Report struct {
	Command int `json:"command"` // index in the job's Commands
	// Output is part of the command's standard output and error, as written.
	Output []byte `json:"output,omitempty"`
	Ended  bool   `json:"ended,omitempty"` // the command ended:
	// Status is the command's exit status, 128 + signal, 124 at the time limit, 127 if it did not
	// start.
	Status  int           `json:"status,omitempty"`
	Elapsed time.Duration `json:"elapsed,omitempty"` // how long it ran, by the guest's clock
	// Warning is a problem of the machine itself, such as a module that did not load.
	Warning string `json:"warning,omitempty"`
	Done    bool   `json:"done,omitempty"` // the last line
}

// Machine describes what to boot.
type Machine struct {
	Kernel    Kernel
	Initramfs string        // path of the file written by [Initramfs.WriteFile]
	CPUs      int           // 2 if 0
	MemoryMiB int           // 2048 if 0
	Append    string        // further kernel command line, such as "lsm=bpf"
	Timeout   time.Duration // for the whole machine; 10 minutes if 0
}

// Run boots the machine and calls each for every report until the guest is done. If the machine
// ends before that, the error has the tail of its console.
func Run(ctx context.Context, m Machine, each func(Report) error) error {
	emulator, err := m.Kernel.machine()
	if err != nil {
		return err
	}
	qemu, err := exec.LookPath(emulator.qemu)
	if err != nil {
		return err
	}
	if m.Timeout == 0 {
		m.Timeout = 10 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, m.Timeout)
	defer cancel()
	dir, err := os.MkdirTemp("", "vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	console := filepath.Join(dir, "console")
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, qemu, m.args(emulator, console, "/dev/fd/3")...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &stderr, &stderr, []*os.File{w}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	done, err := readReports(r, each)
	if err != nil || done {
		// Nothing more is needed: the machine is rebooting, or we cannot continue.
		time.AfterFunc(5*time.Second, cancel)
	}
	waitErr := cmd.Wait()
	switch {
	case err != nil:
		return err
	case done:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("virtual machine %s: time limit of %v\n%s",
			m.Kernel.Release, m.Timeout, tail(console))
	}
	return fmt.Errorf("virtual machine %s ended without a report (qemu: %v)\n%s\n%s",
		m.Kernel.Release, waitErr, stderr.Bytes(), tail(console))
}

func (m Machine) args(emulator machine, console, reports string) []string {
	cpus, memory := m.CPUs, m.MemoryMiB
	if cpus == 0 {
		cpus = 2
	}
	if memory == 0 {
		memory = 2048
	}
	// oops=panic and panic=-1 end the machine at the first oops.
	cmdline := emulator.cmdline +
		" quiet panic=-1 oops=panic nokaslr mitigations=off audit=0 random.trust_cpu=on rdinit=" +
		InitPath
	if m.Append != "" {
		cmdline += " " + m.Append
	}
	return append([]string{
		// One emulating thread for all CPUs. With one for each, Debian's QEMU 7.2 occasionally
		// hangs both CPUs when the kernel patches itself (tracepoints, trampolines); QEMU 8.1 fixed
		// a race between translation and writes to code.
		"-accel", "tcg,thread=single,tb-size=256",
		"-smp", fmt.Sprint(cpus), "-m", fmt.Sprint(memory),
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none",
		"-kernel", m.Kernel.Image, "-initrd", m.Initramfs, "-append", cmdline,
		"-serial", "file:" + console,
		"-chardev", "file,id=reports,path=" + reports,
	}, emulator.args...)
}

// readReports returns true once the guest reports that it is done.
func readReports(r io.Reader, each func(Report) error) (bool, error) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var report Report
		if err := json.Unmarshal(bytes.TrimSpace(line), &report); err != nil {
			return false, fmt.Errorf("report of the virtual machine: %w in %q", err, line)
		}
		if report.Done {
			return true, nil
		}
		if err := each(report); err != nil {
			return false, err
		}
	}
}

// tail returns the end of a console.
func tail(path string) []byte {
	const most = 4096
	text, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-most):]
}
