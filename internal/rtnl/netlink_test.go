//go:build linux

package rtnl

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

// message builds a netlink message as linux/netlink.h lays it out; that header is the oracle of
// this file.
func message(typ, flags uint16, seq uint32, payload []byte) []byte {
	b := make([]byte, 16)
	host.PutUint32(b, uint32(16+len(payload)))
	host.PutUint16(b[4:], typ)
	host.PutUint16(b[6:], flags)
	host.PutUint32(b[8:], seq)
	b = append(b, payload...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func attribute(typ uint16, value []byte) []byte {
	b := host.AppendUint16(nil, uint16(4+len(value)))
	b = host.AppendUint16(b, typ)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func ack(code int32, quoted []byte, flags uint16, attrs ...[]byte) []byte {
	payload := host.AppendUint32(nil, uint32(code))
	payload = append(payload, quoted...)
	for _, a := range attrs {
		payload = append(payload, a...)
	}
	return message(nlmsgError, flags, nlSeq, payload)
}

func TestAcknowledgements(t *testing.T) {
	request := message(rtmSetLink, nlmRequest, nlSeq, make([]byte, 40))
	words, offset := attribute(1, []byte("not today\x00")), attribute(2, host.AppendUint32(nil, 20))
	for _, c := range []struct {
		name    string
		b       []byte
		errno   syscall.Errno
		message string
		offset  uint32
	}{
		{"done", ack(0, request[:16], 0), 0, "", 0},
		{"bare", ack(-int32(syscall.EBUSY), request[:16], 0), syscall.EBUSY, "", 0},
		{"capped", ack(-int32(syscall.EBUSY), request[:16], nlmCapped|nlmAckTLVs, words, offset),
			syscall.EBUSY, "not today", 20},
		{"quoted", ack(-int32(syscall.EBUSY), request, nlmAckTLVs, words), syscall.EBUSY,
			"not today", 0},
		{"end of a dump", message(nlmsgDone, 0, nlSeq, host.AppendUint32(nil, 0)), 0, "", 0},
		{"failed dump", message(nlmsgDone, 0, nlSeq, host.AppendUint32(nil, uint32(0xfffffff4))),
			syscall.ENOMEM, "", 0},
		{"bad quote", ack(-int32(syscall.EBUSY), message(1, 0, nlSeq, make([]byte, 4000))[:16],
			nlmAckTLVs, words), syscall.EBUSY, "", 0},
	} {
		done, err := walkMessages(c.b, nil)
		var refused *Error
		errors.As(err, &refused)
		switch {
		case !done:
			t.Errorf("%s: not the end", c.name)
		case c.errno == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.errno != 0 && (refused == nil || refused.Errno != c.errno ||
			refused.Message != c.message || refused.Offset != c.offset || !errors.Is(err, c.errno)):
			t.Errorf("%s: %+v", c.name, err)
		case c.message != "" && !strings.HasPrefix(err.Error(), c.message+": "):
			t.Errorf("%s: %q", c.name, err.Error())
		}
	}
}

// A message whose length is no multiple of 4 is padded; the next starts behind the padding.
func TestMessagesAreAligned(t *testing.T) {
	b := append(message(100, 0, nlSeq, []byte("odd")), message(101, 0, nlSeq, []byte("next"))...)
	var seen []string
	done, err := walkMessages(append(b, ack(0, make([]byte, 16), 0)...),
		func(typ uint16, payload []byte) error {
			seen = append(seen, string(payload))
			return nil
		})
	if !done || err != nil || len(seen) != 2 || seen[0] != "odd" || seen[1] != "next" {
		t.Errorf("%q, %v, %v", seen, done, err)
	}
}

func TestMalformedAnswers(t *testing.T) {
	good := message(rtmNewLink, 0, nlSeq,
		append(make([]byte, ifinfomsgSize),
			attribute(iflaXDP, attribute(iflaXDPProgID, host.AppendUint32(nil, 7)))...))
	if done, err := walkMessages(good, func(uint16, []byte) error { return nil }); done ||
		err != nil {
		t.Fatalf("%v, %v", done, err)
	}
	for n := 1; n < len(good); n++ {
		if _, err := walkMessages(good[:n], nil); !errors.Is(err, errNetlinkFormat) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
	if _, err := walkMessages(message(rtmNewLink, 0, 9, nil),
		nil); !errors.Is(err, errNetlinkFormat) || !strings.Contains(err.Error(), "sequence") {
		t.Errorf("somebody else's answer: %v", err)
	}
	if _, err := walkMessages(message(nlmsgError, 0, nlSeq, []byte{1}),
		nil); !errors.Is(err, errNetlinkFormat) {
		t.Errorf("short acknowledgement: %v", err)
	}
	for _, b := range [][]byte{{3, 0, 1, 0}, {0, 0, 0, 0}, {9, 0, 1, 0, 1, 2, 3, 4}} {
		if err := attributes(b, func(uint16, []byte) error { return nil }); !errors.Is(err,
			errNetlinkFormat) {
			t.Errorf("attribute % x: %v", b, err)
		}
	}
}

// FuzzNetlinkAnswer: whatever arrives, no panic, and nothing is read outside of it.
func FuzzNetlinkAnswer(f *testing.F) {
	link := append(make([]byte, ifinfomsgSize),
		attribute(iflaXDP|attrNested, attribute(iflaXDPProgID, host.AppendUint32(nil, 7)))...)
	filter := append(make([]byte, tcmsgSize),
		attribute(tcaOptions, attribute(tcaBPFID, host.AppendUint32(nil, 7)))...)
	request := message(rtmSetLink, nlmRequest, nlSeq, make([]byte, 40))
	f.Add(message(rtmNewLink, 2, nlSeq, link))
	f.Add(append(message(rtmNewTFilter, 0, nlSeq, filter), ack(0, request[:16], 0)...))
	f.Add(ack(-16, request[:16], nlmCapped|nlmAckTLVs, attribute(1, []byte("no\x00")),
		attribute(2, host.AppendUint32(nil, 20))))
	f.Add(ack(-16, request, nlmAckTLVs, attribute(1, []byte("no\x00"))))
	names := attribute(rtaEncap|attrNested,
		attribute(lwtIn|attrNested, attribute(lwtProgName, []byte("count\x00"))))
	route := append([]byte{familyIPv4, 0, 0, 0, tableMain, 0, 0, 0, 0, 0, 0, 0},
		attribute(rtaEncapType, host.AppendUint16(nil, encapBPF))...)
	f.Add(message(rtmNewRoute, 2, nlSeq, append(route, names...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s XDPState
		route := LWTRoute{Destination: make([]byte, 4)}
		filter := TCFilter{}
		found := false
		walkMessages(b, func(typ uint16, payload []byte) error {
			if err := filter.read(&found)(typ, payload); err != nil {
				return err
			}
			if typ == rtmNewRoute {
				_, _, err := route.read(payload)
				return err
			}
			return s.message(0)(typ, payload)
		})
	})
}
