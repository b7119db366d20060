package batch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// reader reads commands, which are lines of words.
type reader struct {
	in     *bufio.Reader
	number int // of the line where the last command begins
	lines  int // that were read
}

// mostLine limits the length of a command.
const mostLine = 64 << 10

func newReader(in io.Reader) *reader { return &reader{in: bufio.NewReaderSize(in, mostLine)} }

// next returns the words of the next command, io.EOF if there is none.
func (r *reader) next() ([]string, error) {
	for {
		r.number = r.lines + 1
		text, err := r.command()
		if err != nil {
			return nil, err
		}
		words, err := split(text)
		if err != nil || len(words) > 0 {
			return words, err
		}
	}
}

// command reads a line and those that continue it.
func (r *reader) command() (string, error) {
	text := ""
	for {
		line, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(text)+len(line) > mostLine {
			return "", fmt.Errorf("longer than %d bytes", mostLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		if len(line) == 0 && text == "" {
			return "", io.EOF
		}
		r.lines++
		text += strings.TrimRight(string(line), "\r\n")
		if at := comment(text); at >= 0 {
			return text[:at], nil
		}
		joined, continues := strings.CutSuffix(text, `\`)
		if !continues || err != nil {
			return text, nil
		}
		text = joined + " "
	}
}

// comment returns where a comment begins, -1 if there is none: at a # that is neither in quotes nor
// in a word.
func comment(text string) int {
	quote, before := rune(0), ' '
	for i, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
		case c == '"' || c == '\'':
			quote = c
		case c == '#' && (before == ' ' || before == '\t'):
			return i
		}
		before = c
	}
	return -1
}

// split divides a command into words. Quotes keep spaces together.
func split(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the quote %c is not closed", quote)
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
