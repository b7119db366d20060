package btf

import (
	"bufio"
	"encoding/binary"
	"io"
	"os/exec"
	"testing"

	"github.com/purebpf/bpf/internal/testkit"
)

// libbpf is C libbpf 1.5 in a process of its own, the oracle of what changes whole BTF
// (testdata/algebra.c).
type libbpf struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func newLibbpf(t testing.TB) *libbpf {
	t.Helper()
	testkit.LittleEndian(t)
	cmd := exec.Command(algebraProgram(t))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	return &libbpf{bufio.NewWriter(in), bufio.NewReader(out)}
}

// call returns the errno and the results of a request.
func (l *libbpf) call(t testing.TB, op byte, blobs ...[]byte) (errno uint32, results [][]byte) {
	t.Helper()
	number := func(v uint32) { binary.Write(l.in, host, v) }
	l.in.WriteByte(op)
	number(uint32(len(blobs)))
	for _, blob := range blobs {
		number(uint32(len(blob)))
		l.in.Write(blob)
	}
	if err := l.in.Flush(); err != nil {
		t.Fatalf("C libbpf: %v", err)
	}
	read := func() (v uint32) {
		if err := binary.Read(l.out, host, &v); err != nil {
			t.Fatalf("C libbpf: %v", err)
		}
		return v
	}
	errno = read()
	for range read() {
		result := make([]byte, read())
		if _, err := io.ReadFull(l.out, result); err != nil {
			t.Fatalf("C libbpf: %v", err)
		}
		results = append(results, result)
	}
	return errno, results
}

func algebraProgram(t testing.TB) string {
	return testkit.LibbpfProgram(t, "testdata/algebra.c",
		"-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free")
}
