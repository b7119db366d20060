package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/purebpf/bpf/metrics"
)

// server answers GET /metrics, one request per connection. It is all of HTTP that Prometheus needs:
// net/http would make the program a quarter larger.
type server struct {
	from *metrics.Collector
	busy chan struct{} // a value for each open connection
}

const (
	mostConnections = 16
	mostRequest     = 16 << 10         // bytes
	slowest         = 30 * time.Second // for a request and its answer
)

// serve answers until ctx ends or listening fails. It closes l.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	var connections sync.WaitGroup
	defer connections.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			time.Sleep(time.Second) // until others close some
			continue
		}
		if err != nil {
			l.Close()
			return err
		}
		s.busy <- struct{}{}
		connections.Go(func() {
			defer func() { <-s.busy }()
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(slowest))
			defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()
			s.answer(ctx, conn)
		})
	}
}

// answer reads a request and answers it.
func (s *server) answer(ctx context.Context, conn net.Conn) {
	r := textproto.NewReader(bufio.NewReader(io.LimitReader(conn, mostRequest)))
	line, err := r.ReadLine()
	if err != nil {
		return
	}
	header, err := r.ReadMIMEHeader()
	method, rest, _ := strings.Cut(line, " ")
	path, version, _ := strings.Cut(rest, " ")
	path, _, _ = strings.Cut(path, "?")
	switch {
	case err != nil || !strings.HasPrefix(version, "HTTP/1."):
		reply(conn, method, "400 Bad Request", "text/plain", []byte("not a request of HTTP/1.1\n"))
	case path != "/metrics":
		reply(conn, method, "404 Not Found", "text/plain", []byte("metrics are at /metrics\n"))
	case method != "GET" && method != "HEAD":
		reply(conn, method, "405 Method Not Allowed", "text/plain", []byte("only GET and HEAD\n"))
	default:
		s.scrape(ctx, conn, method, header.Get(metrics.TimeoutHeader))
	}
}

func (s *server) scrape(ctx context.Context, conn net.Conn, method, timeout string) {
	text, err := s.from.Scrape(ctx, timeout)
	if err != nil {
		status := "500 Internal Server Error"
		if metrics.Unavailable(err) {
			status = "503 Service Unavailable"
		}
		reply(conn, method, status, "text/plain", []byte(err.Error()+"\n"))
		return
	}
	reply(conn, method, "200 OK", metrics.ContentType, text)
}

// reply writes an answer; the client may be gone.
func reply(conn net.Conn, method, status, kind string, body []byte) {
	head := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nDate: %s\r\n"+
		"Connection: close\r\n", status, kind, len(body),
		time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	if strings.HasPrefix(status, "405") {
		head += "Allow: GET, HEAD\r\n"
	}
	if method == "HEAD" {
		body = nil
	}
	conn.Write(append([]byte(head+"\r\n"), body...))
}
