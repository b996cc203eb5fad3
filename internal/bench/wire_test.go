package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
)

// wire is one client's connection. It writes prepared bytes and reads just enough of the answer, so that what is measured
// on two cores is the server and not a client.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
}

func (s *httpServer) wires(b *testing.B, n int) []*wire {
	b.Helper()
	out := make([]*wire, n)
	for i := range out {
		conn, err := net.Dial("tcp", s.address)
		check(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		out[i] = &wire{conn: conn, r: bufio.NewReaderSize(conn, 16<<10)}
	}
	return out
}

// hangUp ends a round's connections.
func hangUp(wires []*wire) {
	for _, w := range wires {
		_ = w.conn.Close() // all its answers were read
	}
}

// request renders a POST.
func request(path, cookie, authorization string, body []byte) []byte {
	var t bytes.Buffer
	fmt.Fprintf(&t, "POST %s HTTP/1.1\r\nHost: localhost\r\n", path)
	if cookie != "" {
		fmt.Fprintf(&t, "Cookie: %s\r\n", cookie)
	}
	if authorization != "" {
		fmt.Fprintf(&t, "Authorization: %s\r\n", authorization)
	}
	if len(body) > 0 {
		t.WriteString("Content-Type: application/json\r\n")
	}
	fmt.Fprintf(&t, "Content-Length: %d\r\n\r\n", len(body))
	t.Write(body)
	return t.Bytes()
}

// page renders a GET, as a browser's script asks for a part of a page by itself, or for a whole one.
func page(path, cookie string, headers ...string) []byte {
	var t bytes.Buffer
	fmt.Fprintf(&t, "GET %s HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\n", path, cookie)
	for _, h := range headers {
		fmt.Fprintf(&t, "%s\r\n", h)
	}
	t.WriteString("\r\n")
	return t.Bytes()
}

// read sends a request and returns the whole answer, which must be a good one.
func (w *wire) read(request []byte) ([]byte, error) {
	if _, err := w.conn.Write(request); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.200s", answer.StatusCode, body)
	}
	return body, err
}

// do sends a request and returns the answer's body when its status is the wanted one, an error with it when not.
func (w *wire) do(request []byte, want int) error {
	_, err := w.ask(request, want)
	return err
}

func (w *wire) ask(request []byte, want int) (http.Header, error) {
	if _, err := w.conn.Write(request); err != nil {
		return nil, err
	}
	status, length, chunked, header, err := w.head()
	if err != nil {
		return nil, err
	}
	body := io.LimitReader(w.r, int64(length))
	if chunked {
		return nil, fmt.Errorf("status %d in chunks", status)
	}
	if status == want {
		_, err = io.Copy(io.Discard, body)
		return header, err
	}
	text, _ := io.ReadAll(body)
	return nil, fmt.Errorf("status %d: %s", status, text)
}

var contentLength, transferEncoding, setCookie = []byte("Content-Length: "), []byte("Transfer-Encoding: chunked"), []byte("Set-Cookie: ")

func (w *wire) head() (status, length int, chunked bool, header http.Header, err error) {
	line, err := w.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, false, nil, err
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, false, nil, err
	}
	for {
		if line, err = w.r.ReadSlice('\n'); err != nil {
			return 0, 0, false, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0:
			return status, length, chunked, header, nil
		case bytes.HasPrefix(line, contentLength):
			if length, err = strconv.Atoi(string(line[len(contentLength):])); err != nil {
				return 0, 0, false, nil, err
			}
		case bytes.HasPrefix(line, transferEncoding):
			chunked = true
		case bytes.HasPrefix(line, setCookie):
			if header == nil {
				header = http.Header{}
			}
			header.Add("Set-Cookie", string(line[len(setCookie):]))
		}
	}
}
