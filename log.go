package bpf

import (
	"log/slog"
	"os"
	"strings"
)

// EnvLogger returns a logger that writes text to standard error from the level that
// LIBBPF_LOG_LEVEL names (warn, info or debug, in any case), or a silent one. The library itself
// never reads the variable: pass the result as LoadOptions.Logger.
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
		return discard
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// discard is the logger if the caller gives none.
var discard = slog.New(slog.DiscardHandler)
