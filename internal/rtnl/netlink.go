package rtnl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"github.com/purebpf/bpf/internal/funnel"
	"github.com/purebpf/bpf/internal/printable"
	"github.com/purebpf/bpf/sys"
)

// Netlink families that this package talks to.
const (
	familyRoute   = 0  // NETLINK_ROUTE
	familyGeneric = 16 // NETLINK_GENERIC
)

// Message types and flags of netlink and rtnetlink.
const (
	nlmsgError = 2 // NLMSG_ERROR
	nlmsgDone  = 3 // NLMSG_DONE

	nlmRequest  = 0x1   // NLM_F_REQUEST
	nlmAck      = 0x4   // NLM_F_ACK
	nlmEcho     = 0x8   // NLM_F_ECHO
	nlmReplace  = 0x100 // NLM_F_REPLACE
	nlmExcl     = 0x200 // NLM_F_EXCL
	nlmDump     = 0x300 // NLM_F_DUMP
	nlmCreate   = 0x400 // NLM_F_CREATE
	nlmCapped   = 0x100 // NLM_F_CAPPED
	nlmAckTLVs  = 0x200 // NLM_F_ACK_TLVS
	attrNested  = 1 << 15
	attrTypeMsk = 1<<14 - 1
)

// Error is a refusal by a netlink family. errors.Is sees Errno.
type Error struct {
	Errno   syscall.Errno
	Message string // extended ack: the kernel's own words, "" if it gave none
	Offset  uint32 // of the offending attribute in the request, 0 if the kernel didn't say
}

// Error returns the kernel's words before the errno's.
func (e *Error) Error() string {
	if e.Message == "" {
		return sys.ErrnoText(e.Errno)
	}
	return printable.Text(e.Message) + ": " + sys.ErrnoText(e.Errno)
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// errNetlinkFormat is wrapped by errors about an answer that isn't well-formed netlink.
var errNetlinkFormat = errors.New("malformed netlink answer")

// nlRequest is a netlink request under construction: header, family header, attributes, in host
// byte order.
type nlRequest struct {
	b []byte
}

var host = binary.NativeEndian

const nlSeq = 1 // one request per socket

// newRequest starts a request; head is the fixed header of the family. Every request that isn't a
// dump asks for an acknowledgement, so that its answer has an end.
func newRequest(typ uint16, flags uint16, head []byte) *nlRequest {
	r := &nlRequest{b: make([]byte, 16, 128)}
	host.PutUint16(r.b[4:], typ)
	if flags&nlmDump != nlmDump {
		flags |= nlmAck
	}
	host.PutUint16(r.b[6:], flags|nlmRequest)
	host.PutUint32(r.b[8:], nlSeq)
	r.b = append(r.b, head...)
	return r
}

// attr appends an attribute.
func (r *nlRequest) attr(typ uint16, value []byte) {
	r.b = host.AppendUint16(r.b, uint16(4+len(value)))
	r.b = host.AppendUint16(r.b, typ)
	r.b = append(r.b, value...)
	for len(r.b)%4 != 0 {
		r.b = append(r.b, 0)
	}
}

func (r *nlRequest) attr32(typ uint16, v uint32) {
	r.attr(typ, host.AppendUint32(nil, v))
}

func (r *nlRequest) attrString(typ uint16, s string) {
	r.attr(typ, append([]byte(s), 0))
}

// nest appends an attribute that holds what f appends.
func (r *nlRequest) nest(typ uint16, f func()) {
	start := len(r.b)
	r.b = append(r.b, 0, 0, 0, 0)
	f()
	host.PutUint16(r.b[start:], uint16(len(r.b)-start))
	host.PutUint16(r.b[start+2:], typ|attrNested)
}

// do sends the request and gives each message of the answer, without its header, to each. It
// returns when the kernel has acknowledged, ended a dump, or refused (*Error).
func (r *nlRequest) do(family int, each func(typ uint16, payload []byte) error) error {
	host.PutUint32(r.b, uint32(len(r.b)))
	return funnel.Current().Netlink(family, r.b, func(datagram []byte) (bool, error) {
		return walkMessages(datagram, each)
	})
}

// walkMessages goes through the messages of one datagram and says whether the answer is complete.
func walkMessages(b []byte, each func(typ uint16, payload []byte) error) (done bool, err error) {
	for len(b) > 0 {
		if len(b) < 16 {
			return true, fmt.Errorf("%w: %d bytes where a header should be", errNetlinkFormat,
				len(b))
		}
		n, typ, flags, seq := host.Uint32(b), host.Uint16(b[4:]), host.Uint16(b[6:]),
			host.Uint32(b[8:])
		if n < 16 || uint64(n) > uint64(len(b)) {
			return true, fmt.Errorf("%w: message length %d of %d", errNetlinkFormat, n, len(b))
		}
		if seq != nlSeq {
			return true, fmt.Errorf("%w: sequence number %d instead of %d", errNetlinkFormat, seq,
				nlSeq)
		}
		payload := b[16:n]
		b = b[min((uint64(n)+3)&^3, uint64(len(b))):]
		switch typ {
		case nlmsgError:
			return true, ackError(flags, payload)
		case nlmsgDone:
			if len(payload) >= 4 {
				if code := int32(host.Uint32(payload)); code < 0 {
					return true, &Error{Errno: syscall.Errno(-code)}
				}
			}
			return true, nil
		}
		if each != nil {
			if err := each(typ, payload); err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

// ackError reads struct nlmsgerr and the extended ack behind it.
func ackError(flags uint16, payload []byte) error {
	if len(payload) < 4 {
		return fmt.Errorf("%w: acknowledgement of %d bytes", errNetlinkFormat, len(payload))
	}
	code := int32(host.Uint32(payload))
	if code == 0 {
		return nil
	}
	e := &Error{Errno: syscall.Errno(-code)}
	if flags&nlmAckTLVs == 0 || len(payload) < 20 {
		return e
	}
	rest := payload[20:]
	if flags&nlmCapped == 0 { // the whole request is quoted
		quoted := host.Uint32(payload[4:])
		if quoted < 16 || uint64(quoted-16+3)&^3 > uint64(len(rest)) {
			return e
		}
		rest = rest[(quoted-16+3)&^3:]
	}
	attributes(rest, func(typ uint16, v []byte) error {
		switch {
		case typ == 1: // NLMSGERR_ATTR_MSG
			e.Message = text(v)
		case typ == 2 && len(v) >= 4: // NLMSGERR_ATTR_OFFS
			e.Offset = host.Uint32(v)
		}
		return nil
	})
	return e
}

// attributes walks netlink attributes; types come without their flag bits.
func attributes(b []byte, each func(typ uint16, value []byte) error) error {
	for len(b) >= 4 {
		n, typ := int(host.Uint16(b)), host.Uint16(b[2:])&attrTypeMsk
		if n < 4 || n > len(b) {
			return fmt.Errorf("%w: attribute %d has length %d of %d", errNetlinkFormat, typ, n,
				len(b))
		}
		if err := each(typ, b[4:n]); err != nil {
			return err
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return nil
}

// text returns the string that ends at the first NUL.
func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}
