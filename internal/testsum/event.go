package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// event is one line of go test -json (see go doc test2json).
type event struct {
	Action     string  `json:"Action"`
	Package    string  `json:"Package,omitempty"`
	ImportPath string  `json:"ImportPath,omitempty"`
	Test       string  `json:"Test,omitempty"`
	Elapsed    float64 `json:"Elapsed,omitempty"`
	Output     string  `json:"Output,omitempty"`
}

const module = "github.com/purebpf/bpf"

// short names a package within the module.
func short(pkg string) string {
	if rest, ok := strings.CutPrefix(pkg, module+"/"); ok {
		return rest
	}
	if pkg == module {
		return "bpf"
	}
	return pkg
}

// recorder writes the events of one step.
type recorder struct {
	file *os.File
	enc  *json.Encoder
}

func record(dir, step string) (*recorder, error) {
	f, err := os.Create(filepath.Join(dir, strings.ReplaceAll(step, "/", "-")+".json"))
	if err != nil {
		return nil, err
	}
	return &recorder{f, json.NewEncoder(f)}, nil
}

func (r *recorder) add(e event) error { return r.enc.Encode(e) }
func (r *recorder) close() error      { return r.file.Close() }

// eachEvent calls f for every event in r; a line that is not an event becomes an output event
// without a package.
func eachEvent(r io.Reader, f func(event) error) error {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
				e = event{Action: "output", Output: line}
			}
			if err := f(e); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
