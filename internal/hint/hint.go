// Package hint attaches advice to errors: what is known to help, apart from what went wrong. Code
// that knows the advice adds it where the error arises; code that reports the error finds it
// through all errors that wrap it.
package hint

import "errors"

// advised is an error with advice, which its text doesn't show.
type advised struct {
	err    error
	advice string
}

func (e *advised) Error() string { return e.err.Error() }

func (e *advised) Unwrap() error { return e.err }

// Add returns err with advice, in place of what advice it has. Without advice, or if err is nil, it
// returns err.
func Add(err error, advice string) error {
	if err == nil || advice == "" {
		return err
	}
	return &advised{err, advice}
}

// Of returns the advice that err or an error that it wraps carries, the outermost; "" if none does.
func Of(err error) string {
	var e *advised
	if !errors.As(err, &e) {
		return ""
	}
	return e.advice
}

// Cut returns the advice of err, and err without it where nothing wraps the advice.
func Cut(err error) (advice string, cause error) {
	advice = Of(err)
	for {
		e, ok := err.(*advised)
		if !ok {
			return advice, err
		}
		err = e.err
	}
}
