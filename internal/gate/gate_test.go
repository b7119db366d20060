package gate

import (
	"runtime"
	"sync"
	"testing"
)

// TestGate lets many go in and out while others shut the gate. The oracle is Go's race detector
// and the variable, which nobody may touch after the one whose Shut says true has changed it.
func TestGate(t *testing.T) {
	for range 300 {
		var g Gate
		there := true
		var wg sync.WaitGroup
		shuts := make(chan bool, 2)
		for range 4 {
			wg.Go(func() {
				for g.Enter() {
					if !there {
						t.Error("inside, and it is gone")
					}
					runtime.Gosched()
					g.Leave()
				}
			})
		}
		for range cap(shuts) {
			wg.Go(func() {
				first := g.Shut()
				if first {
					there = false
				}
				shuts <- first
			})
		}
		wg.Wait()
		if a, b := <-shuts, <-shuts; a == b || !g.IsShut() || g.Enter() {
			t.Fatalf("shut by %v and %v, open %v", a, b, !g.IsShut())
		}
	}
}

// TestShutWaits: Shut returns after those who are inside, also if others try to enter meanwhile.
func TestShutWaits(t *testing.T) {
	var g Gate
	for range 2 {
		if !g.Enter() {
			t.Fatal("a new gate is shut")
		}
	}
	done := make(chan bool)
	go func() { done <- g.Shut() }()
	for !g.IsShut() {
		runtime.Gosched()
	}
	if g.Enter() {
		t.Error("entered")
	}
	g.Leave()
	if g.Enter() {
		t.Error("entered")
	}
	select {
	case <-done:
		t.Fatal("somebody is inside")
	default:
	}
	g.Leave()
	if !<-done || g.Shut() {
		t.Error("shut by nobody, or twice")
	}
}

func BenchmarkGate(b *testing.B) {
	var g Gate
	for range b.N {
		if g.Enter() {
			g.Leave()
		}
	}
}
