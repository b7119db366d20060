package userfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Mapping is a part of a file that a process has mapped as code.
type Mapping struct {
	Start, End, Offset uint64
	Path               string // in terms of this process, for which it may be another file
	device, inode      uint64
}

// deleted is the suffix that the kernel adds to the path of a file without a name.
const deleted = " (deleted)"

// name returns the last part of the path.
func (m *Mapping) name() string { return filepath.Base(strings.TrimSuffix(m.Path, deleted)) }

// parseMapping parses a line of /proc/PID/maps; ok is false if it is not code of a file.
func parseMapping(line string) (m Mapping, ok bool) {
	// start-end rwxp offset device inode   path
	at := strings.IndexByte(line, '/')
	if at < 0 {
		return m, false
	}
	fields := strings.Fields(line[:at])
	if len(fields) != 5 || !strings.Contains(fields[1], "x") {
		return m, false
	}
	start, end, _ := strings.Cut(fields[0], "-")
	major, minor, _ := strings.Cut(fields[3], ":")
	ok = true
	number := func(text string, base int) uint64 {
		n, err := strconv.ParseUint(text, base, 64)
		ok = ok && err == nil
		return n
	}
	m = Mapping{Start: number(start, 16), End: number(end, 16), Offset: number(fields[2], 16),
		Path:   line[at:],
		device: device(number(major, 16), number(minor, 16)), inode: number(fields[4], 10)}
	return m, ok && m.End > m.Start
}

// noProcess converts the error of a /proc file to ESRCH if the process has ended.
func noProcess(pid int, err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("there is no process %d: %w", pid, err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, statErr := os.Stat("/proc/self"); statErr != nil {
		return fmt.Errorf("there is no /proc to look into process %d: mount -t proc proc /proc: %w",
			pid, statErr)
	}
	// A process that has ended remains until its parent has waited for it.
	status, statusErr := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(statusErr, fs.ErrNotExist) || errors.Is(statusErr, syscall.ESRCH) {
		return fmt.Errorf("there is no process %d: %w", pid, syscall.ESRCH)
	}
	if _, state, ok := strings.Cut(string(status[strings.LastIndexByte(string(status), ')')+1:]),
		" "); ok &&
		strings.HasPrefix(state, "Z") {
		return fmt.Errorf("process %d has ended: %w", pid, syscall.ESRCH)
	}
	return err
}
