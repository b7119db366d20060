package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"strings"
)

// The size of the picture, in pixels.
const (
	graphWidth = 1200
	rowHeight  = 18
	letter     = 7 // width
)

// node is a function in the flame graph, with those that it calls on top of it.
type node struct {
	name     string
	count    uint64
	children []*node
}

// add adds a stack above the node. Stacks come in order: equal frames are neighbours.
func (n *node) add(s stack) {
	n.count += s.count
	for _, frame := range s.frames {
		last := len(n.children) - 1
		if last < 0 || n.children[last].name != frame {
			n.children = append(n.children, &node{name: frame})
			last++
		}
		n = n.children[last]
		n.count += s.count
	}
}

// flameGraph draws stacks as an SVG: a box for each function, as wide as the time that it and what
// it calls took, on top of the function that calls it.
func flameGraph(stacks []stack) []byte {
	root, depth := &node{name: "all"}, 1
	for _, s := range stacks {
		root.add(s)
		depth = max(depth, len(s.frames)+1)
	}
	var b bytes.Buffer
	height := depth * rowHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d"`+
		` height="%[2]d" font-family="monospace" font-size="12">`+"\n", graphWidth, height)
	root.draw(&b, root.count, 0, height-rowHeight)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// draw draws the node from x to the right, and what is on top of it. total is the count of all.
func (n *node) draw(b *bytes.Buffer, total uint64, x float64, y int) {
	width := graphWidth * float64(n.count) / float64(max(total, 1))
	if width < 0.2 {
		return
	}
	fmt.Fprintf(b, `<g><title>%s: %d samples, %.1f%%</title>`, escaped(n.name), n.count,
		100*float64(n.count)/float64(max(total, 1)))
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" stroke="white"/>`,
		x, y, width, rowHeight, color(n.name))
	if room := int(width)/letter - 1; room >= 3 {
		label := []rune(n.name)
		if len(label) > room {
			label = append(label[:room-1], '…')
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`, x+3, y+rowHeight-5,
			escaped(string(label)))
	}
	b.WriteString("</g>\n")
	for _, child := range n.children {
		child.draw(b, total, x, y-rowHeight)
		x += graphWidth * float64(child.count) / float64(total)
	}
}

// color returns a color that a name always has: blue for the kernel, warm for programs.
func color(name string) string {
	h := fnv.New32a()
	h.Write([]byte(name))
	hue := h.Sum32() % 50
	if strings.HasSuffix(name, "_[k]") {
		hue += 190
	}
	return fmt.Sprintf("hsl(%d,80%%,65%%)", hue)
}

func escaped(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // a Buffer takes everything
	return b.String()
}
