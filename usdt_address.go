package bpf

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/purebpf/bpf/internal/elf64"
)

// locate finds out at which addresses the places are in memory, for kernels that can't tell them apart otherwise.
func (a *usdtAttachment) locate(typ elf64.Type) error {
	if typ == elf64.TypeExec {
		return nil // where it is linked
	}
	if a.opts.PID == 0 {
		return fmt.Errorf("this kernel has no cookies (5.15), and the file may be anywhere in memory: give a process: %w", ErrNotSupported)
	}
	mappings, err := codeMappings(a.opts.PID, a.path)
	if err != nil {
		return err
	}
	for i := range a.sites {
		s := &a.sites[i]
		found := false
		for _, m := range mappings {
			if s.Offset >= m.offset && s.Offset-m.offset < m.end-m.start {
				s.Address, found = m.start+s.Offset-m.offset, true
				break
			}
		}
		if !found {
			return fmt.Errorf("process %d has not mapped %s to run it: %w", a.opts.PID, a.path, ErrNotExist)
		}
	}
	return nil
}

// mapping is a line of /proc/PID/maps.
type mapping struct{ start, end, offset uint64 }

// codeMappings lists where a process has mapped a file to run it.
func codeMappings(pid int, path string) ([]mapping, error) {
	root := "/proc/" + strconv.Itoa(pid)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = strings.TrimPrefix(absolute, root+"/root")
	}
	file, err := os.Open(root + "/maps")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var list []mapping
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// start-end rwxp offset device inode   path
		if m, name, ok := parseMapping(lines.Text()); ok && name == path {
			list = append(list, m)
		}
	}
	return list, lines.Err()
}

// parseMapping reads a line of /proc/PID/maps; ok is false if it is no code of a file.
func parseMapping(line string) (m mapping, path string, ok bool) {
	at := strings.IndexByte(line, '/')
	if at < 0 {
		return m, "", false
	}
	fields := strings.Fields(line[:at])
	if len(fields) != 5 || !strings.Contains(fields[1], "x") {
		return m, "", false
	}
	start, end, _ := strings.Cut(fields[0], "-")
	var errs [3]error
	m.start, errs[0] = strconv.ParseUint(start, 16, 64)
	m.end, errs[1] = strconv.ParseUint(end, 16, 64)
	m.offset, errs[2] = strconv.ParseUint(fields[2], 16, 64)
	return m, line[at:], errs == [3]error{} && m.end > m.start
}
