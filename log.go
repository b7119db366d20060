package bpf

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
)

// EnvLogger returns a logger that writes text to standard error, beginning at the level that the
// environment variable LIBBPF_LOG_LEVEL names (warn, info or debug, in any case). If the variable
// is unset or has another value, the logger is silent. Pass it to SetLogger or in
// LoadOptions: the library never calls EnvLogger.
func EnvLogger() *slog.Logger {
	var level slog.Level
	switch strings.ToLower(os.Getenv("LIBBPF_LOG_LEVEL")) {
	case "warn":
		level = slog.LevelWarn
	case "info":
		level = slog.LevelInfo
	case "debug":
		level = slog.LevelDebug
	default:
		return discard()
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// discard returns the logger if the application gives none.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// standard is what SetLogger sets.
var standard atomic.Pointer[slog.Logger]

// SetLogger sets the logger of the whole process (libbpf libbpf_set_print), for objects whose
// LoadOptions have none, and for programs and maps that belong to no Object. It is for func main,
// and works once: ErrExist after that. Without it such objects are silent.
func SetLogger(l *slog.Logger) error {
	if l == nil {
		return newError("set logger", about{}, fmt.Errorf("none is given: %w", syscall.EINVAL))
	}
	if !standard.CompareAndSwap(nil, l) {
		return newError("set logger", about{},
			fmt.Errorf("the process has one already: %w", syscall.EEXIST))
	}
	return nil
}

// loggerOr returns l, or if it is nil the logger of the process.
func loggerOr(l *slog.Logger) *slog.Logger { return cmp.Or(l, standard.Load(), discard()) }
