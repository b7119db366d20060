package docs

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/purebpf/bpf/internal/testkit"
)

// A new user follows getting-started.md, with the files and commands as they stand there, and this
// checkout in place of the published module. Oracle: the packets that the test sends.
func TestGettingStarted(t *testing.T) {
	testkit.Root(t)
	testkit.Tool(t, "clang-19")
	checkout, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	here := dir // a command such as cd changes it
	command := func(line string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "bash", "-ec", strings.ReplaceAll(line, "sudo ", "exec "))
		cmd.Dir = here
		cmd.Env = append(os.Environ(), "GOPROXY=off", "GOSUMDB=off", "GOWORK=off", "GOFLAGS=")
		return cmd
	}
	run := func(line string) {
		t.Helper()
		if out, err := command(line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	blocks, _ := page{"getting-started.md", string(text)}.split(t)
	for _, b := range blocks {
		if b.file != "" {
			if err := os.WriteFile(filepath.Join(here, b.file), []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if b.language != "sh" {
			continue
		}
		for _, line := range strings.Split(strings.TrimSpace(b.text), "\n") {
			folder, isCd := strings.CutPrefix(line, "cd ")
			switch {
			case isCd:
				here = filepath.Join(here, folder)
			case line == "sudo ./packetcount":
				testkit.Netns(t)
				countPackets(t, command(line))
				return
			default:
				run(line)
			}
			if strings.HasPrefix(line, "go mod init ") {
				run("go mod edit -replace " + modulePath + "=" + checkout)
			}
		}
	}
	t.Error("the guide runs nothing")
}

// countPackets runs the program of the guide until it has counted a packet.
func countPackets(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait() // ends by the signal
	}()
	conn, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewScanner(stdout)
	for n := 0; n < 10 && lines.Scan(); n++ {
		count, isCount := strings.CutSuffix(lines.Text(), " packets")
		if !isCount {
			t.Fatalf("output %q", lines.Text())
		}
		if count != "0" {
			return
		}
		conn.Write([]byte("packet")) // nobody listens: a later one is refused
	}
	t.Fatalf("no packet was counted: %s", stderr.String())
}
