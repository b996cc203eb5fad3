package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/web"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// simBench lets the screens of a demonstration be the hands at a simulated bench. It connects when it is first used, and
// again after the bench was started anew.
type simBench struct {
	dir      string
	counters map[string]string // by station

	mu     sync.Mutex
	client *sim.Client
}

var _ web.Bench = (*simBench)(nil)

// bench returns the simulated bench of a demonstration, nil when none is named.
func (s *serveCommand) bench() (*simBench, error) {
	if s.Bench == "" {
		return nil, nil
	}
	if !s.Demo {
		return nil, errors.New("--bench is for --demo alone")
	}
	b := &simBench{dir: s.Bench, counters: map[string]string{}}
	for _, pair := range s.BenchStations {
		station, counter, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not STATION=COUNTER", pair)
		}
		b.counters[station] = counter
	}
	return b, nil
}

// with runs do on the connection, once more over a new one if the first is broken.
func (b *simBench) with(station string, do func(c *sim.Client, counter string) error) error {
	counter, ok := b.counters[station]
	if !ok {
		return fmt.Errorf("station %s has no simulated bench", station)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.client != nil {
		if _, err := b.client.State(); err != nil {
			_ = b.client.Close()
			b.client = nil
		}
	}
	if b.client == nil {
		c, err := sim.Dial(b.dir)
		if err != nil {
			return err
		}
		b.client = c
	}
	return do(b.client, counter)
}

// Scan lets the station's scanner read text.
func (b *simBench) Scan(_ context.Context, station, text string) error {
	return b.with(station, func(c *sim.Client, counter string) error { return c.Scan(counter, text) })
}

// PlaceCup puts an empty cup on the scale.
func (b *simBench) PlaceCup(_ context.Context, station string) error {
	return b.with(station, func(c *sim.Client, counter string) error { return c.PlaceCup(counter) })
}

// LiftCup takes the cup away.
func (b *simBench) LiftCup(_ context.Context, station string) error {
	return b.with(station, func(c *sim.Client, counter string) error {
		_, err := c.LiftCup(counter)
		return err
	})
}

// PlaceWeight puts a check weight on the scale.
func (b *simBench) PlaceWeight(_ context.Context, station string, w measure.Weight) error {
	return b.with(station, func(c *sim.Client, counter string) error { return c.PlaceWeight(counter, w) })
}

// State says whether a cup stands on the scale.
func (b *simBench) State(_ context.Context, station string) (web.BenchState, error) {
	var out web.BenchState
	err := b.with(station, func(c *sim.Client, counter string) error {
		st, err := c.State()
		if err != nil {
			return err
		}
		for _, one := range st.Counters {
			if one.Name == counter {
				out.CupOnScale = one.Cup != nil
				return nil
			}
		}
		return fmt.Errorf("the bench has no counter %s", counter)
	})
	return out, err
}
