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

	"github.com/purebpf/bpf/internal/verdict"
)

// OracleTimeout limits the time for one object: the slowest of the corpus takes about 10 s to
// verify on an idle machine.
const OracleTimeout = 5 * time.Minute

var oracleOnce = struct {
	sync.Mutex
	verdicts map[string]verdict.Object
}{verdicts: map[string]verdict.Object{}}

// OraclePath returns the path of the program that loads objects with C libbpf
// (scripts/build-oracle.sh). Without it the test skips, or fails with PUREBPF_CORPUS_REQUIRED=1.
func OraclePath(t testing.TB) string {
	t.Helper()
	path := filepath.Join(Cache(), "oracle", "oracle")
	if !exists(path) {
		missing(t, "PUREBPF_CORPUS_REQUIRED", "the C libbpf oracle is not built (make oracle)")
	}
	return path
}

// Oracle returns C libbpf's verdict on each object on the running kernel, in the given order. A
// verdict depends only on kernel, oracle and object, so it is computed once and kept in the cache
// folder; large objects take seconds.
func Oracle(t testing.TB, objs ...string) []verdict.Object {
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
	verdicts := make([]verdict.Object, 0, len(objs))
	for _, obj := range objs {
		v, err := oneVerdict(oracle, program, dir, obj)
		if err != nil {
			t.Fatalf("C libbpf oracle, %s: %v", obj, err)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// OracleLog returns C libbpf's messages while it loads an object, with the verifier's log of a
// refused program.
func OracleLog(t testing.TB, obj string) string {
	t.Helper()
	Root(t)
	ctx, cancel := context.WithTimeout(context.Background(), Patience(OracleTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, OraclePath(t), obj)
	cmd.Env = append(os.Environ(), "V=1")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("C libbpf oracle, %s: %v", obj, err)
	}
	return log.String()
}

func oneVerdict(oracle string, program []byte, dir, obj string) (verdict.Object, error) {
	data, err := os.ReadFile(obj)
	if err != nil {
		return verdict.Object{}, err
	}
	h := sha256.New()
	// The file's name affects the answer: names of data maps are made from it.
	fmt.Fprintf(h, "%s\n%s\n%s\n%x\n", KernelRelease(), kernelBuild(), filepath.Base(obj),
		sha256.Sum256(program))
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
			return verdict.Object{}, err
		}
		if err := writeAtomic(path, line); err != nil {
			return verdict.Object{}, err
		}
	}
	var v verdict.Object
	if err := json.Unmarshal(line, &v); err != nil {
		return verdict.Object{}, fmt.Errorf("%w in %q", err, line)
	}
	v.Object = obj
	oracleOnce.verdicts[key] = v
	return v, nil
}

func runOracle(oracle, obj string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience(OracleTimeout))
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

// kernelBuild distinguishes kernels of the same release.
func kernelBuild() string {
	text, _ := os.ReadFile("/proc/version")
	return string(text)
}
