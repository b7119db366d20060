package typed

import (
	"github.com/purebpf/bpf"
	"github.com/purebpf/bpf/uapi"
)

// Queue is a queue or a stack of values (BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK; 4.20).
type Queue[T any] struct{ m *bpf.TypedMap[struct{}, T] }

// QueueOf returns a typed view of a queue or stack.
func QueueOf[T any](m *bpf.Map) (*Queue[T], error) {
	if err := ofKind(m, uapi.MapQueue, uapi.MapStack); err != nil {
		return nil, err
	}
	t, err := bpf.MapOf[struct{}, T](m)
	if err != nil {
		return nil, err
	}
	return &Queue[T]{t}, nil
}

// Map returns the map itself.
func (q *Queue[T]) Map() *bpf.Map { return q.typed().Map() }

func (q *Queue[T]) typed() *bpf.TypedMap[struct{}, T] {
	if q == nil {
		return nil
	}
	return q.m
}

// Push adds a value: at a queue's end, on a stack's top (bpf_map_push_elem). ErrTooBig if it is
// full.
func (q *Queue[T]) Push(value T) error { return q.typed().Update(struct{}{}, value, 0) }

// PushOver is Push that removes the oldest value if there is no room.
func (q *Queue[T]) PushOver(value T) error {
	return q.typed().Update(struct{}{}, value, bpf.UpdateExist)
}

// Pop removes a value and returns it: a queue's oldest, a stack's newest (bpf_map_pop_elem).
// ErrNotExist if there is none.
func (q *Queue[T]) Pop() (T, error) { return q.typed().LookupAndDelete(struct{}{}) }

// Peek returns the value that Pop would return and leaves it there (bpf_map_peek_elem). ErrNotExist
// if there is none.
func (q *Queue[T]) Peek() (T, error) { return q.typed().Lookup(struct{}{}) }
