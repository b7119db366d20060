package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documented is a command line of this tool, alone on a line of a code block or quoted in a text.
var documented = regexp.MustCompile("(?m)(?:^|`)(?:\\$ |# )?(?:sudo )?(?:LIBBPF_LOG_LEVEL=\\w+ )?" +
	"(?:go tool |build/)?bpf ([a-z][^`\\n]*)")

// The verbs and flags that the guides and the README name exist. Oracle: the commands themselves.
func TestDocumentedCommands(t *testing.T) {
	guides, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(guides) < 5 {
		t.Fatalf("guides %q: %v", guides, err)
	}
	count := 0
	for _, guide := range append(guides, "../../README.md") {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range documented.FindAllStringSubmatch(string(text), -1) {
			words := strings.Fields(m[1])
			cmd, rest, err := newRootCommand().Find(words)
			if err != nil {
				t.Errorf("%s: bpf %s: %v", guide, m[1], err)
				continue
			}
			cmd.InitDefaultHelpFlag()
			for _, word := range rest {
				flag, isLong := strings.CutPrefix(word, "--")
				flag, _, _ = strings.Cut(strings.TrimRight(flag, ",.;)"), "=")
				if isLong && flag != "" && cmd.Flags().Lookup(flag) == nil {
					t.Errorf("%s: bpf %s: no flag --%s", guide, m[1], flag)
				}
			}
			count++
		}
	}
	if count < 10 {
		t.Errorf("%d command lines", count)
	}
}
