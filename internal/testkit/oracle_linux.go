package testkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Verdict is what a loader made of one object: the shape that C libbpf's side (testdata of scripts/build-oracle.sh) and
// bpf verify -j both print, one JSON line per object.
type Verdict struct {
	Object   string           `json:"object"`
	OK       bool             `json:"ok"`
	Stage    string           `json:"stage"` // "open" or "load" where it failed, "ok"
	Errno    int              `json:"errno"`
	Error    string           `json:"error"`
	Programs []VerdictProgram `json:"programs"`
	Maps     []VerdictMap     `json:"maps"`
}

// VerdictProgram is one program of a [Verdict]. From Tag on the fields are set only when the program was loaded.
type VerdictProgram struct {
	Name     string `json:"name"`
	Section  string `json:"section"`
	Type     uint32 `json:"type"`
	Autoload bool   `json:"autoload"`
	Loaded   bool   `json:"loaded"`
	Tag      string `json:"tag,omitempty"`
	Xlated   uint32 `json:"xlated,omitempty"` // bytes of translated instructions
	Maps     uint32 `json:"maps,omitempty"`
	FuncInfo uint32 `json:"func_info,omitempty"`
	LineInfo uint32 `json:"line_info,omitempty"`
}

// VerdictMap is one map of a [Verdict]. From KernelName on the fields are set only when the map was created.
type VerdictMap struct {
	Name       string `json:"name"`
	KernelName string `json:"kernel_name,omitempty"`
	Type       uint32 `json:"type,omitempty"`
	Key        uint32 `json:"key,omitempty"`
	Value      uint32 `json:"value,omitempty"`
	Max        uint32 `json:"max,omitempty"`
	Flags      uint32 `json:"flags,omitempty"`
	BTF        bool   `json:"btf,omitempty"`
}

// OracleTimeout bounds one object: the slowest of the corpus takes about 10 s to verify on a quiet machine.
const OracleTimeout = 5 * time.Minute

var oracleOnce = struct {
	sync.Mutex
	verdicts map[string]Verdict
}{verdicts: map[string]Verdict{}}

// OraclePath returns the path of the program that loads objects with C libbpf (scripts/build-oracle.sh). Where it is
// absent the test skips, or fails with PUREBPF_CORPUS_REQUIRED=1.
func OraclePath(t testing.TB) string {
	t.Helper()
	path := filepath.Join(Cache(), "oracle", "oracle")
	if !exists(path) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "the C libbpf oracle is not built (make oracle)")
	}
	return path
}

// Oracle returns what C libbpf makes of each object on the running kernel, in the order asked. A verdict is a function of
// kernel, oracle and object, so it is kept in the cache folder under the three and computed once; giants cost seconds.
func Oracle(t testing.TB, objs ...string) []Verdict {
	t.Helper()
	Root(t)
	oracle := OraclePath(t)
	program, err := os.ReadFile(oracle)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(Cache(), "verdicts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	verdicts := make([]Verdict, 0, len(objs))
	for _, obj := range objs {
		v, err := oneVerdict(oracle, program, dir, obj)
		if err != nil {
			t.Fatalf("C libbpf oracle, %s: %v", obj, err)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

func oneVerdict(oracle string, program []byte, dir, obj string) (Verdict, error) {
	data, err := os.ReadFile(obj)
	if err != nil {
		return Verdict{}, err
	}
	h := sha256.New()
	// The file's name is part of the answer: names of data maps are made from it.
	fmt.Fprintf(h, "%s\n%s\n%s\n%x\n", KernelRelease(), kernelBuild(), filepath.Base(obj), sha256.Sum256(program))
	h.Write(data)
	key := hex.EncodeToString(h.Sum(nil)[:20])

	oracleOnce.Lock()
	defer oracleOnce.Unlock()
	if v, ok := oracleOnce.verdicts[key]; ok {
		return v, nil
	}
	path := filepath.Join(dir, key+".json")
	line, err := os.ReadFile(path)
	if err != nil {
		if line, err = runOracle(oracle, obj); err != nil {
			return Verdict{}, err
		}
		if err := writeAtomic(path, line); err != nil {
			return Verdict{}, err
		}
	}
	var v Verdict
	if err := json.Unmarshal(line, &v); err != nil {
		return Verdict{}, fmt.Errorf("%w in %q", err, line)
	}
	v.Object = obj
	oracleOnce.verdicts[key] = v
	return v, nil
}

func runOracle(oracle, obj string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), OracleTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, oracle, obj)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	line := bytes.TrimSpace(stdout.Bytes())
	if len(line) == 0 || bytes.IndexByte(line, '\n') >= 0 {
		return nil, errors.New("not one line: " + string(line))
	}
	return line, nil
}

// kernelBuild tells two kernels of the same release apart.
func kernelBuild() string {
	text, _ := os.ReadFile("/proc/version")
	return string(text)
}
