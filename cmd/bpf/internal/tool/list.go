package tool

import (
	"errors"
	"iter"
	"syscall"
)

// List prints objects one by one: with -j an array, or the bare object if the words name a single
// one. An object that is gone by the time that it is read is left out.
func List[T any](r *Run, list iter.Seq2[T, error], single bool, show func(*Run, T) error) error {
	if r.JSON != nil && !single {
		r.JSON.Array()
	}
	for o, err := range list {
		if err == nil {
			err = show(r, o)
		}
		if err != nil && !(!single && errors.Is(err, syscall.ENOENT)) {
			return err
		}
	}
	if r.JSON != nil && !single {
		r.JSON.EndArray()
	}
	return nil
}
