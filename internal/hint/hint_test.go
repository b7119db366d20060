package hint

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestAdvice(t *testing.T) {
	known := Add(io.EOF, "wait")
	for _, tc := range []struct {
		name         string
		err          error
		text, advice string
		cause        error // what Cut returns, nil if that is err
	}{
		{"none", io.EOF, "EOF", "", nil},
		{"some", known, "EOF", "wait", io.EOF},
		{"twice", Add(known, "retry"), "EOF", "retry", io.EOF},
		{"empty", Add(known, ""), "EOF", "wait", io.EOF},
		{"wrapped", fmt.Errorf("read: %w", known), "read: EOF", "wait", nil},
		{"joined", errors.Join(io.ErrNoProgress, known), io.ErrNoProgress.Error() + "\nEOF", "wait",
			nil},
		{"added to what wraps", Add(fmt.Errorf("read: %w", known), "retry"), "read: EOF", "retry",
			nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.err.Error() != tc.text || Of(tc.err) != tc.advice {
				t.Errorf("%q with advice %q", tc.err, Of(tc.err))
			}
			advice, cause := Cut(tc.err)
			if advice != tc.advice || cause.Error() != tc.text {
				t.Errorf("cut into %q and %q", cause, advice)
			}
			if tc.cause != nil && cause != tc.cause {
				t.Errorf("cut leaves a %T", cause)
			}
			if tc.name != "joined" && !errors.Is(tc.err, io.EOF) {
				t.Error("it does not wrap its cause")
			}
		})
	}
	if Add(nil, "wait") != nil {
		t.Error("nothing becomes an error")
	}
	if advice, cause := Cut(nil); cause != nil || advice != "" {
		t.Error(cause, advice)
	}
}
