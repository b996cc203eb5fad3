package sim

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"

	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Client speaks to a bench's control socket. It is safe for concurrent use.
type Client struct {
	mu   sync.Mutex
	conn net.Conn
	in   *bufio.Reader
}

// Dial connects to the bench that runs in dir.
func Dial(dir string) (*Client, error) {
	c, err := net.Dial("unix", filepath.Join(dir, ControlSocket))
	if err != nil {
		return nil, fmt.Errorf("no bench answers in %s: %w", dir, err)
	}
	return &Client{conn: c, in: bufio.NewReader(c)}, nil
}

// Close ends the connection; the bench goes on.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends one request. The error is the bench's refusal or the connection's.
func (c *Client) Do(r Request) (Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var resp Response
	if err := json.NewEncoder(c.conn).Encode(r); err != nil {
		return resp, fmt.Errorf("bench: %w", err)
	}
	line, err := c.in.ReadBytes('\n')
	if err != nil {
		return resp, fmt.Errorf("bench: %w", err)
	}
	if err := json.Unmarshal(line, &resp); err != nil {
		return resp, fmt.Errorf("bench: answer: %w", err)
	}
	if resp.Error != "" {
		return resp, errors.New(resp.Error)
	}
	return resp, nil
}

func (c *Client) only(r Request) error {
	_, err := c.Do(r)
	return err
}

// PlaceCup puts an empty cup on the pan of the counter; "" is the first.
func (c *Client) PlaceCup(counter string) error {
	return c.only(Request{Do: "place_cup", Counter: counter})
}

// PlaceWeight puts a check weight of whole grams on the pan.
func (c *Client) PlaceWeight(counter string, w measure.Weight) error {
	return c.only(Request{Do: "place_weight", Counter: counter, Grams: int64(w / measure.WeightGram)})
}

// LiftCup takes the cup away and says what was in it.
func (c *Client) LiftCup(counter string) (Cup, error) {
	r, err := c.Do(Request{Do: "lift_cup", Counter: counter})
	if err != nil || r.Cup == nil {
		return Cup{}, err
	}
	return *r.Cup, nil
}

// Scan types text with the counter's scanner.
func (c *Client) Scan(counter, text string) error {
	return c.only(Request{Do: "scan", Counter: counter, Text: text})
}

// RefillBottle adds v to the counter's bottle.
func (c *Client) RefillBottle(counter string, v measure.Volume) error {
	return c.only(Request{Do: "refill_bottle", Counter: counter, Fault: Fault{ML: float64(v) / 1000}})
}

// Fault orders a fault.
func (c *Client) Fault(f Fault) error { return c.only(Request{Do: "fault", Fault: f}) }

// Unplug takes a device's port away.
func (c *Client) Unplug(device string) error {
	return c.only(Request{Do: "unplug", Fault: Fault{Device: device}})
}

// Replug brings a device's port back.
func (c *Client) Replug(device string) error {
	return c.only(Request{Do: "replug", Fault: Fault{Device: device}})
}

// State is the world as it is now.
func (c *Client) State() (State, error) {
	r, err := c.Do(Request{Do: "state"})
	if err != nil || r.State == nil {
		return State{}, err
	}
	return *r.State, nil
}
