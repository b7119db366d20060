package bpf

import (
	"context"
	"log/slog"
	"os"
	"strings"
)

// EnvLogger returns a logger that writes text to standard error from the level that LIBBPF_LOG_LEVEL names (warn, info or
// debug, in any case), or a silent one when the variable is unset or says something else. The library itself never reads the
// variable: pass the result as LoadOptions.Logger. The command line does.
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
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// events is where this package tells what it decided: a *slog.Logger or nowhere. The nil value is silent.
type events struct{ log *slog.Logger }

func (e events) enabled(level slog.Level) bool {
	return e.log != nil && e.log.Enabled(context.Background(), level)
}

func (e events) debug(msg string, args ...any) {
	if e.log != nil {
		e.log.Debug(msg, args...)
	}
}

func (e events) info(msg string, args ...any) {
	if e.log != nil {
		e.log.Info(msg, args...)
	}
}

func (e events) warn(msg string, args ...any) {
	if e.log != nil {
		e.log.Warn(msg, args...)
	}
}

func (e events) at(level slog.Level, msg string, args ...any) {
	if e.log != nil {
		e.log.Log(context.Background(), level, msg, args...)
	}
}
