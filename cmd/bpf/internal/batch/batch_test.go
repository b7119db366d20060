package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/purebpf/bpf/cmd/bpf/internal/tool"
	"github.com/purebpf/bpf/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// newRoot returns a root with a noun whose verb prints its words, and fails at the word bad.
func newRoot(line []string) *cobra.Command {
	root := &cobra.Command{Use: "bpf", SilenceErrors: true, SilenceUsage: true}
	noun := tool.Noun{Name: "prog", Verbs: []tool.Verb{{Name: "show", Run: func(r *tool.Run) error {
		if r.Take("bad") {
			return errors.New("it is bad")
		}
		if r.JSON == nil {
			r.Printf("%s\n", strings.Join(r.Rest, "|"))
			return nil
		}
		r.JSON.Object()
		for _, w := range r.Rest {
			r.JSON.StringKey(w, w)
		}
		r.JSON.EndObject()
		return nil
	}}}}
	root.AddCommand(noun.Command(), Command())
	root.SetArgs(tool.Expand(root, line))
	return root
}

func batch(t *testing.T, text string, options ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	root := newRoot(append([]string{"batch", "file", file}, options...))
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(new(bytes.Buffer))
	err := root.ExecuteContext(tool.WithRoot(context.Background(), newRoot))
	return out.String(), err
}

// TestBatch: the oracle is bpftool's manual: words, comments, continued lines, and the first error
// ends it.
func TestBatch(t *testing.T) {
	got, err := batch(t, "# nothing\np s a 'b c' # end\n\nprog show \\\n x \"\" # y\\\nprog show last")
	if want := "a|b c\nx|\nlast\n"; err != nil || got != want {
		t.Errorf("%v: %q, want %q", err, got, want)
	}
	got, err = batch(t, "prog show a\n\nprog show \\\n bad\nprog show b\n")
	if err == nil || !strings.Contains(err.Error(), "line 3: it is bad") || got != "a\n" {
		t.Errorf("%v: %q", err, got)
	}
	for text, want := range map[string]string{
		"prog show 'a": "line 1: the quote ' is not closed",
		"\nfrob x":     `line 2: unknown command "frob"`,
		"batch file x": "a batch in a batch",
		"prog show " + strings.Repeat("x", mostLine): "longer than",
	} {
		if _, err := batch(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

// TestJSON: the oracle is encoding/json.
func TestJSON(t *testing.T) {
	for _, option := range []string{"-j", "-p"} {
		text, err := batch(t, "prog show a\nprog show bad\n", option)
		var status tool.ExitStatus
		if !errors.As(err, &status) || status != tool.Failed {
			t.Errorf("error %v", err)
		}
		var got any
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		list := got.([]any)
		want := []any{
			map[string]any{"command": []any{"prog", "show", "a"},
				"output": map[string]any{"a": "a"}},
			map[string]any{"command": []any{"prog", "show", "bad"},
				"output": map[string]any{"error": "it is bad"}},
		}
		if diff := cmp.Diff(want, list[:2]); diff != "" || len(list) != 3 ||
			!strings.Contains(fmt.Sprint(list[2]), "line 2") {
			t.Errorf("%s: %s\n%s", option, text, diff)
		}
	}
}
