//go:build linux

// Guest is the first process of a test machine (package vm): it mounts what a Linux system has
// mounted, loads the job's modules, runs its commands one after the other, reports them on the
// serial port, and reboots. Its oracle is every test that then runs in the machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/purebpf/bpf/internal/vm"
)

// mounts in order. A kernel without one of them goes on without it: the tests that need it say so.
var mounts = []struct{ kind, point string }{
	{"devtmpfs", "/dev"},
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"devpts", "/dev/pts"},
	{"tmpfs", "/dev/shm"},
	{"tmpfs", "/tmp"},
	{"tmpfs", "/run"},
	{"bpf", "/sys/fs/bpf"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"debugfs", "/sys/kernel/debug"},
	{"tracefs", "/sys/kernel/tracing"},
	{"securityfs", "/sys/kernel/security"},
}

var links = [][2]string{
	{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
}

func main() {
	if err := run(); err != nil {
		fmt.Println("guest:", err) // the console, which the host quotes
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART); err != nil {
		fmt.Println("guest: reboot:", err)
	}
}

func run() error {
	for _, m := range mounts {
		if err := os.MkdirAll(m.point, 0o755); err == nil {
			if err := unix.Mount(m.kind, m.point, m.kind, 0, ""); err != nil {
				fmt.Println("guest: mount", m.point, err)
			}
		}
	}
	for _, l := range links {
		if err := os.Symlink(l[0], l[1]); err != nil {
			return err
		}
	}
	if err := os.Chmod("/tmp", 0o1777); err != nil {
		return err
	}
	if _, err := os.Stat(vm.BusyboxPath); err == nil {
		if out, err := exec.Command(vm.BusyboxPath, "--install", "-s",
			"/bin").CombinedOutput(); err != nil {
			return fmt.Errorf("busybox --install: %w %s", err, out)
		}
	}
	text, err := os.ReadFile(vm.JobPath)
	if err != nil {
		return err
	}
	var job vm.Job
	if err := json.Unmarshal(text, &job); err != nil {
		return err
	}
	var warnings []vm.Report // the port may be a module's
	for _, path := range job.Modules {
		if err := loadModule(path); err != nil {
			warnings = append(warnings, vm.Report{Warning: fmt.Sprintf("module %s: %v", path, err)})
		}
	}
	port, err := openPort(job.Port)
	if err != nil {
		return err
	}
	reports := json.NewEncoder(port)
	for _, w := range warnings {
		if err := reports.Encode(w); err != nil {
			return err
		}
	}
	if err := loopbackUp(); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("vm")); err != nil {
		return err
	}
	for i, c := range job.Commands {
		if err := runCommand(reports, i, c); err != nil {
			return err
		}
	}
	return reports.Encode(vm.Report{Done: true})
}

// openPort opens the port of the reports and takes away what a terminal does to the bytes, if it is
// one. A device that a driver is still making is waited for.
func openPort(path string) (*os.File, error) {
	port, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	for range 100 {
		if !errors.Is(err, os.ErrNotExist) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		port, err = os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(int(port.Fd()), unix.TCGETS)
	if errors.Is(err, unix.ENOTTY) {
		return port, nil
	}
	if err != nil {
		return nil, err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	return port, unix.IoctlSetTermios(int(port.Fd()), unix.TCSETS, t)
}

func loadModule(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req)
}

func runCommand(reports *json.Encoder, index int, c vm.Command) error {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	start := time.Now()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return reports.Encode(vm.Report{Command: index, Ended: true, Status: 127,
			Output: []byte(err.Error() + "\n")})
	}
	timer := time.AfterFunc(c.Timeout, func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	forwarded := make(chan error, 1)
	go func() { forwarded <- forward(reports, index, r) }()
	waitErr := cmd.Wait()
	timedOut := !timer.Stop()
	// What the command left running must not disturb the next one, nor keep its output open.
	unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
	if err := r.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if err := <-forwarded; err != nil {
		return err
	}
	status := cmd.ProcessState.ExitCode()
	var exit *exec.ExitError
	if errors.As(waitErr, &exit) {
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			status = 128 + int(ws.Signal())
		}
	}
	if timedOut {
		status = 124
	}
	return reports.Encode(vm.Report{Command: index, Ended: true, Status: status,
		Elapsed: time.Since(start)})
}

// forward reports output as it comes, in pieces that keep a line of the report short.
func forward(reports *json.Encoder, index int, r io.Reader) error {
	buf := make([]byte, 2048)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := reports.Encode(vm.Report{Command: index, Output: buf[:n]}); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // end of file, or the deadline after the command's end
		}
	}
}
