package tool

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

// Oracle: encoding/json, which accepts the document and reads the same text.
func TestJSONText(t *testing.T) {
	for _, s := range []string{"", "plain", `q"b\s`, "größe 名前", "\x1b]0;x\a", "two\nlines\t\r",
		"\x7f", "\u202eevil", "\U000e0041", "\ufffd", "\x00", "bad \xff\xfe bytes",
		"\xed\xa0\x80"} {
		for _, pretty := range []bool{false, true} {
			var out bytes.Buffer
			j := NewJSON(&out, pretty)
			j.Object()
			j.StringKey(s, s)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			var got map[string]string
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%q: %v: %s", s, err, out.Bytes())
			}
			want := string([]rune(s)) // each bad byte becomes U+FFFD
			if got[want] != want {
				t.Errorf("%q: %q", s, got)
			}
			for _, r := range strings.TrimSuffix(out.String(), "\n") {
				if !unicode.IsPrint(r) && r != '\n' {
					t.Errorf("%q: %q has %U", s, out.String(), r)
				}
			}
		}
	}
}

// An error ends the document wherever it is. Oracle: encoding/json.
func TestJSONFail(t *testing.T) {
	for name, begin := range map[string]func(*JSON){
		"nothing":  func(*JSON) {},
		"array":    func(j *JSON) { j.Array(); j.Uint(1) },
		"object":   func(j *JSON) { j.Array(); j.Object(); j.UintKey("id", 1) },
		"value":    func(j *JSON) { j.Object(); j.Key("id") },
		"elements": func(j *JSON) { j.Object(); j.Key("ids"); j.Array() },
		"after":    func(j *JSON) { j.Uint(1) },
	} {
		var out bytes.Buffer
		j := NewJSON(&out, false)
		begin(j)
		j.Fail(`no "such"`)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), `{"error":"no \"such\""}`); n != 1 && name != "object" {
			t.Errorf("%s: %s", name, out.String())
		}
		for d := json.NewDecoder(&out); d.More(); {
			var v any
			if err := d.Decode(&v); err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

func TestJSONFullDisk(t *testing.T) {
	j := NewJSON(failing{}, false)
	for range 2 * flushAt {
		j.Uint(1)
	}
	if j.Close() == nil {
		t.Error("a failure to write is lost")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, iotest.ErrTimeout }

// TestPretty: the oracle is bpftool's output, seen once.
func TestPretty(t *testing.T) {
	const want = `[{
        "id": 1,
        "ids": [1,2
        ],
        "none": [],
        "data": ["0x0a","0xff"
        ],
        "map": {
            "x": true
        }
    },{
        "n": null
    }
]
`
	var out bytes.Buffer
	j := NewJSON(&out, true)
	j.Array()
	j.Object()
	j.UintKey("id", 1)
	j.Key("ids")
	j.Array()
	j.Uint(1)
	j.Int(2)
	j.EndArray()
	j.Key("none")
	j.Array()
	j.EndArray()
	j.Key("data")
	j.Bytes([]byte{10, 255})
	j.Key("map")
	j.Object()
	j.BoolKey("x", true)
	j.EndObject()
	j.EndObject()
	j.Object()
	j.Key("n")
	j.Null()
	j.Close()
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
}
