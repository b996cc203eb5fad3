package station

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// Server is what a counter needs of clinicd.
type Server interface {
	// Standing returns the last event the server has kept of this station; 0 and Genesis when there is none.
	Standing(ctx context.Context) (Standing, error)
	// Report hands over events in order and returns the number of the last one kept. ErrGap when they do not follow
	// what the server has.
	Report(ctx context.Context, records []stationlog.Signed) (accepted int64, err error)
	// Orders calls each for every order until the connection ends, and alive for every sign of life.
	Orders(ctx context.Context, alive func(), each func(stationlog.Signed)) error
	// Live shows the window's state. The answer carries nothing.
	Live(ctx context.Context, l Live) error
}

// Standing is the end of a station's chain as the server has it.
type Standing struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// ErrGap: the server is missing events before the first one sent.
var ErrGap = errors.New("the server is missing earlier events")

// Problem is a refusal by the server (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Title  string `json:"title"`
	Code   string `json:"code"`
}

func (p *Problem) Error() string {
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s %s", p.Status, p.Code, p.Title))
}

const (
	maxAnswer = 1 << 20 // bytes of one answer
	maxLine   = 64 << 10
	// silentStream is when a stream without a line is taken for dead: the server sends a comment every 10 s.
	silentStream = 25 * time.Second
)

// Client talks to clinicd as an enrolled station: each request is signed with the station's key. It is safe for
// concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	station string
	key     ed25519.PrivateKey
	now     func() time.Time
	ahead   atomic.Int64 // ns by which the server's clock is ahead of ours, as far as a refusal has told
}

var _ Server = (*Client)(nil)

// NewClient takes who the counter is. The http.Client must not follow redirects with its own headers; its Timeout must
// be zero, because orders are a stream.
func NewClient(i Identity, client *http.Client, now func() time.Time) (*Client, error) {
	base, err := serverURL(i.Server)
	if err != nil {
		return nil, err
	}
	return &Client{base: base, http: client, station: i.Station, key: i.Key, now: now}, nil
}

func serverURL(server string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(server, "/") + "/") // without it, paths joined to it would not begin with one
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("server %q is not an http or https address", server)
	}
	return base, nil
}

// Standing implements [Server].
func (c *Client) Standing(ctx context.Context) (s Standing, err error) {
	err = c.call(ctx, http.MethodGet, "standing", nil, &s)
	return s, err
}

// Report implements [Server].
func (c *Client) Report(ctx context.Context, records []stationlog.Signed) (int64, error) {
	var answer struct {
		Accepted int64 `json:"accepted"`
	}
	err := c.call(ctx, http.MethodPost, "events", map[string]any{"records": records}, &answer)
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusConflict {
		return 0, fmt.Errorf("%w: %w", ErrGap, err)
	}
	return answer.Accepted, err
}

// Live implements [Server].
func (c *Client) Live(ctx context.Context, l Live) error {
	return c.call(ctx, http.MethodPut, "live", l, nil)
}

// call sends one signed request with a JSON body and reads a JSON answer.
func (c *Client) call(ctx context.Context, method, what string, in, out any) error {
	ctx, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	resp, err := c.send(ctx, method, what, body)
	if err != nil {
		return err
	}
	defer drain(resp.Body)
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out)
}

// drain reads what is left, so that the connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, maxAnswer)
	_ = body.Close()
}

// send sends one signed request; when it was refused because the clocks differ, once more by the server's clock.
func (c *Client) send(ctx context.Context, method, what string, body []byte) (*http.Response, error) {
	resp, err := c.sendOnce(ctx, method, what, body)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !c.correct(resp) {
		return answered(resp, err)
	}
	drain(resp.Body)
	return answered(c.sendOnce(ctx, method, what, body))
}

func (c *Client) sendOnce(ctx context.Context, method, what string, body []byte) (*http.Response, error) {
	u := c.base.JoinPath("v1", "stations", c.station, what)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	clock := c.now().Add(time.Duration(c.ahead.Load()))
	req.Header.Set("Authorization", stationlog.Authorization(c.station, method, u.RequestURI(), clock, body, c.key))
	req.Header.Set("Accept", "application/json")
	if what == "orders" {
		req.Header.Set("Accept", "text/event-stream")
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

// correct learns the server's clock from a refusal. It reports whether that can have been the reason.
func (c *Client) correct(resp *http.Response) bool {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return false
	}
	ahead := date.Sub(c.now())
	off := ahead - time.Duration(c.ahead.Load())
	if off.Abs() < stationlog.MaxSkew/2 {
		return false
	}
	c.ahead.Store(int64(ahead))
	return true
}

// answered turns a refusal into a Problem.
func answered(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer drain(resp.Body)
	p := &Problem{}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		_ = json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(p) // the status says enough
	}
	p.Status = resp.StatusCode
	return nil, p
}

// enrol is the one request that is not signed: the code speaks for it.
func enrol(ctx context.Context, client *http.Client, server, code string, key ed25519.PrivateKey) (Identity, error) {
	base, err := serverURL(server)
	if err != nil {
		return Identity{}, err
	}
	body, err := json.Marshal(map[string]any{"code": code, "public_key": []byte(publicOf(key))})
	if err != nil {
		return Identity{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base.JoinPath("v1", "enrolments").String(), bytes.NewReader(body))
	if err != nil {
		return Identity{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := answered(client.Do(req))
	if err != nil {
		return Identity{}, err
	}
	defer drain(resp.Body)
	i := Identity{Key: key}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&i); err != nil {
		return Identity{}, err
	}
	i.Server = strings.TrimRight(base.String(), "/")
	if !i.valid() {
		return Identity{}, errors.New("the server's answer is incomplete")
	}
	return i, nil
}
