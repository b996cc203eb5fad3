package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// ControlSocket is the name of the control socket in a bench's directory.
const ControlSocket = "control.sock"

// Request is one line to the control socket. Do is one of place_cup, place_weight, lift_cup, swap_cup, scan, pour, refill_bottle,
// printed, fault, unplug, replug and state. Counter may be left out where there is one counter.
type Request struct {
	Do      string `json:"do"`
	Counter string `json:"counter,omitempty"`
	Text    string `json:"text,omitempty"` // of scan
	Grams   int64  `json:"g,omitempty"`    // of place_weight
	Fault          // device, and the rest for fault; ML for pour and refill_bottle
}

// Response is the line that answers a request.
type Response struct {
	Error string `json:"error,omitempty"`
	OK    bool   `json:"ok,omitempty"`
	Cup   *Cup   `json:"cup,omitempty"`   // of lift_cup and swap_cup
	State *State `json:"state,omitempty"` // of state
	// Printed is what came out of the counter's printer, of printed.
	Printed []Paper `json:"printed,omitempty"`
}

// Do carries one request out.
func (b *Bench) Do(r Request) Response {
	resp, err := b.do(r)
	if err != nil {
		return Response{Error: err.Error()}
	}
	resp.OK = true
	return resp
}

func (b *Bench) do(r Request) (Response, error) {
	switch r.Do {
	case "state":
		s := b.State()
		return Response{State: &s}, nil
	case "fault":
		return Response{}, b.Fault(r.Fault)
	case "unplug":
		return Response{}, b.Unplug(r.Device)
	case "replug":
		return Response{}, b.Replug(r.Device)
	}
	c, err := b.Counter(r.Counter)
	if err != nil {
		return Response{}, err
	}
	return c.do(r)
}

func (c *Counter) do(r Request) (Response, error) {
	switch r.Do {
	case "place_cup":
		return Response{}, c.PlaceCup()
	case "place_weight":
		return Response{}, c.PlaceWeight(measure.Weight(r.Grams) * measure.WeightGram)
	case "lift_cup":
		cup, err := c.LiftCup()
		return Response{Cup: &cup}, err
	case "swap_cup":
		cup, err := c.SwapCup()
		return Response{Cup: &cup}, err
	case "scan":
		return Response{}, c.Scan(r.Text)
	case "printed":
		paper, err := c.Printed()
		return Response{Printed: paper}, err
	case "pour":
		v, err := volume(r.ML)
		if err != nil {
			return Response{}, err
		}
		return Response{}, c.Pour(v)
	case "refill_bottle":
		v, err := volume(r.ML)
		if err == nil {
			c.RefillBottle(v)
		}
		return Response{}, err
	}
	return Response{}, fmt.Errorf("bench: cannot %q; there are place_cup, place_weight, lift_cup, swap_cup, scan, pour, refill_bottle, printed, fault,"+
		" unplug, replug and state", r.Do)
}

func volume(ml float64) (measure.Volume, error) {
	if !(ml > 0 && ml <= 1e6) {
		return 0, fmt.Errorf("bench: %g mL is not an amount", ml)
	}
	return measure.Volume(ml*1000 + 0.5), nil
}

// server is the control socket.
type server struct {
	bench    *Bench
	listener net.Listener
	tasks    sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	ended bool
}

func serve(dir string, b *Bench) (*server, error) {
	path := filepath.Join(dir, ControlSocket)
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return nil, fmt.Errorf("bench: another bench runs in %s", dir)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("bench: control socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("bench: control socket: %w", err)
	}
	s := &server{bench: b, listener: l, conns: make(map[net.Conn]struct{})}
	s.tasks.Go(s.accept)
	return s, nil
}

func (s *server) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.ended = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.tasks.Wait()
	return err
}

func (s *server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		if s.track(c) {
			s.tasks.Go(func() { s.talk(c) })
		}
	}
}

func (s *server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		c.Close()
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *server) talk(c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.Close()
	}()
	lines := bufio.NewScanner(c)
	out := json.NewEncoder(c)
	for lines.Scan() {
		r, err := parseRequest(lines.Bytes())
		resp := Response{}
		if err != nil {
			resp.Error = err.Error()
		} else {
			resp = s.bench.Do(r)
		}
		if out.Encode(resp) != nil {
			return
		}
	}
}

func parseRequest(line []byte) (Request, error) {
	var r Request
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("bench: request: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("bench: request: more than one object on the line")
	}
	return r, nil
}
