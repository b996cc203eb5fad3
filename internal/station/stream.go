package station

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

var errSilent = errors.New("the stream of orders fell silent")

// Orders implements [Server].
func (c *Client) Orders(ctx context.Context, alive func(), each func(stationlog.Signed)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	watchdog := time.AfterFunc(silentStream, func() { end(errSilent) })
	defer watchdog.Stop()
	resp, err := c.send(ctx, http.MethodGet, "orders", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // the stream has ended either way
	err = events(resp.Body, func() {
		watchdog.Reset(silentStream)
		alive()
	}, each)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// events reads a text/event-stream. What is not an order is passed over; an order that does not parse is too: it has no
// signature to answer to.
func events(body io.Reader, alive func(), each func(stationlog.Signed)) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	var name string
	var data []byte
	for lines.Scan() {
		alive()
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(lines.Bytes()) == 0:
			if order, ok := orderOf(name, data); ok {
				each(order)
			}
			name, data = "", nil
		case string(field) == "event":
			name = string(value)
		case string(field) == "data":
			if len(data) > 0 {
				data = append(data, '\n')
			}
			if data = append(data, value...); len(data) > maxLine {
				return errors.New("an order is too long")
			}
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

func orderOf(name string, data []byte) (s stationlog.Signed, ok bool) {
	if name != "order" || len(data) == 0 {
		return s, false
	}
	return s, json.Unmarshal(data, &s) == nil
}
