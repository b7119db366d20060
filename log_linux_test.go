package bpf

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// TestSetLogger: the logger of the process can be set once, and an object that has none uses it.
// The expected text is that of the program's own plan.
func TestSetLogger(t *testing.T) {
	if standard.Load() != nil {
		t.Fatal("the process has a logger already")
	}
	defer standard.Store(nil)
	var text bytes.Buffer
	l := slog.New(slog.NewTextHandler(&text, nil))
	if err := SetLogger(nil); err == nil {
		t.Error("a nil logger is accepted")
	}
	if err := SetLogger(l); err != nil {
		t.Fatal(err)
	}
	if err := SetLogger(l); !errors.Is(err, ErrExist) {
		t.Errorf("a second logger: %v", err)
	}
	(*Program)(nil).events().Info("without an object")
	(&LoadOptions{}).below().Logger.Info("without options")
	var own bytes.Buffer
	(&LoadOptions{Logger: slog.New(slog.NewTextHandler(&own, nil))}).below().Logger.Info("own")
	for _, want := range []string{"without an object", "without options"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q isn't in %s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "own") || !strings.Contains(own.String(), "own") {
		t.Errorf("an object's own logger: %s, %s", text.String(), own.String())
	}
}

// TestEnvLogger: the levels are those that libbpf documents for LIBBPF_LOG_LEVEL.
func TestEnvLogger(t *testing.T) {
	for text, want := range map[string]slog.Level{"": slog.LevelError + 1,
		"loud": slog.LevelError + 1, "warn": slog.LevelWarn, "Info": slog.LevelInfo,
		"DEBUG": slog.LevelDebug} {
		t.Setenv("LIBBPF_LOG_LEVEL", text)
		l := EnvLogger()
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn,
			slog.LevelError} {
			if l.Enabled(t.Context(), level) != (level >= want) {
				t.Errorf("%q: %v is logged: %v", text, level, level < want)
			}
		}
	}
}
