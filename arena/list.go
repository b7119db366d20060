package arena

import (
	"fmt"
	"iter"
	"reflect"
	"syscall"
)

// List returns the nodes of a linked list from first; next returns the pointer to the node after a
// node. Programs may add nodes meanwhile. The body of the loop may free the node that it gets. The
// last iteration has an error if a pointer is wrong (see [Ptr.In]), or if there are more nodes than
// have room in the arena, because then the list is a circle (ELOOP).
func List[T any](w *Walker, first Ptr[T], next func(*T) Ptr[T]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		t := reflect.TypeFor[T]()
		nodes, err := w.reach(t, 1)
		if err != nil {
			yield(nil, err)
			return
		}
		at := first
		for left := w.most(t); !at.IsNull(); left-- {
			if left == 0 {
				yield(nil, w.circle("list"))
				return
			}
			node := (*T)(nodes.at(uint64(at)))
			if node == nil {
				var err error
				if node, err = at.other(w, nodes); err != nil {
					yield(nil, err)
					return
				}
			}
			at = next(node)
			if !yield(node, nil) {
				return
			}
		}
	}
}

// maxDepth limits the memory that a tree takes that is a circle.
const maxDepth = 1 << 20

// Tree returns the nodes of a binary tree in order: for each node first those on its left, then
// itself, then those on its right. children returns the pointers to its left and right. Errors are
// those of [List].
func Tree[T any](w *Walker, root Ptr[T], children func(*T) (left, right Ptr[T])) iter.Seq2[*T,
	error] {
	return func(yield func(*T, error) bool) {
		var path []*T // of which the left side is being visited
		t := reflect.TypeFor[T]()
		nodes, err := w.reach(t, 1)
		if err != nil {
			yield(nil, err)
			return
		}
		left := w.most(t)
		for at := root; ; {
			for ; !at.IsNull(); left-- {
				if left == 0 {
					yield(nil, w.circle("tree"))
					return
				}
				node := (*T)(nodes.at(uint64(at)))
				if node == nil {
					var err error
					if node, err = at.other(w, nodes); err != nil {
						yield(nil, err)
						return
					}
				}
				if len(path) == maxDepth {
					yield(nil, fmt.Errorf("arena %s: the tree is deeper than %d nodes: %w", w.name,
						maxDepth, syscall.ELOOP))
					return
				}
				path = append(path, node)
				at, _ = children(node)
			}
			if len(path) == 0 {
				return
			}
			node := path[len(path)-1]
			path = path[:len(path)-1]
			_, at = children(node)
			if !yield(node, nil) {
				return
			}
		}
	}
}

// other is In for a node that nodes.at didn't find. It is apart because the rest is inlined.
func (p Ptr[T]) other(w *Walker, nodes reach) (*T, error) {
	at, err := w.other(nodes, uint64(p), reflect.TypeFor[T]())
	return (*T)(at), err
}

func (w *Walker) circle(what string) error {
	return fmt.Errorf("arena %s: the %s has more nodes than have room: it is a circle: %w", w.name,
		what, syscall.ELOOP)
}
