// Package gate guards something that many goroutines use and one may close: closing waits for those
// that are using it, and later ones are refused. It guards descriptors and mapped memory, which
// must not be used once they are closed.
package gate

import (
	"math"
	"sync"
	"sync/atomic"
)

// Gate counts who is inside. The zero value is open. Entering and leaving cost one atomic addition
// each and never wait.
type Gate struct {
	inside atomic.Int64 // plus shut once it is shut
	last   atomic.Pointer[leaving]
}

// shut is far below what can be inside.
const shut = math.MinInt64 / 2

// leaving is notified by the last user that leaves a gate that is shut.
type leaving struct {
	once sync.Once
	done chan struct{}
}

// Enter goes inside; each Enter needs a Leave. It returns false, and needs no Leave, if the gate is
// shut.
func (g *Gate) Enter() bool { return g.inside.Add(1) >= 0 || g.refuse() }

func (g *Gate) refuse() bool {
	g.Leave()
	return false
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	if g.inside.Add(-1) == shut {
		g.wake()
	}
}

// wake tells the one who shuts the gate that the last user has left.
func (g *Gate) wake() {
	if l := g.last.Load(); l != nil {
		l.once.Do(func() { close(l.done) })
	}
}

// Shut lets nobody enter any more and waits until all have left; who is inside must not call it.
// Only the first call does, and returns true.
func (g *Gate) Shut() bool {
	for {
		n := g.inside.Load()
		if n < 0 {
			return false
		}
		if n > 0 { // before anybody can be the last to leave
			g.last.CompareAndSwap(nil, &leaving{done: make(chan struct{})})
		}
		if !g.inside.CompareAndSwap(n, n+shut) {
			continue
		}
		if n > 0 {
			<-g.last.Load().done
		}
		return true
	}
}

// IsShut reports whether Shut was called.
func (g *Gate) IsShut() bool { return g.inside.Load() < 0 }
