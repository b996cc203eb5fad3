package station

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

func TestSameCodeWithinASecondIsOneScan(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		codes := make(chan devices.Scan)
		b := newBubble(t, func(c *Config) {
			c.Scanner = Device[devices.Scanner]{Model: "fake", Open: func(context.Context) (devices.Scanner, error) {
				return fakeScanner{codes}, nil
			}}
		})
		scan := func(text string, pause time.Duration) {
			codes <- devices.Scan{Text: text, Symbology: "Q1"}
			b.after(pause)
		}
		scan("A", 900*time.Millisecond)
		scan("A", 1100*time.Millisecond) // one act
		scan("A", 100*time.Millisecond)  // another
		scan("B", 100*time.Millisecond)
		b.server.send(stationlog.Order{Kind: stationlog.Cancel, Dispensing: "d"}) // a step of a dispensing
		b.after(100 * time.Millisecond)
		scan("B", 100*time.Millisecond) // so this is another act
		scan("", 0)
		scan("\xff", 0)
		scan(strings.Repeat("x", longestScan+1), time.Second)
		var texts string
		b.server.mu.Lock()
		for _, r := range b.server.records {
			var s stationlog.Scanned
			if r.Kind == stationlog.KindScanned && r.Decode(&s) == nil {
				texts += s.Text
			}
		}
		b.server.mu.Unlock()
		if texts != "AABB" {
			t.Errorf("recorded %q", texts)
		}
		b.stop()
	})
}

type fakeScanner struct{ codes chan devices.Scan }

func (s fakeScanner) Next(ctx context.Context) (devices.Scan, error) {
	select {
	case c := <-s.codes:
		return c, nil
	case <-ctx.Done():
		return devices.Scan{}, ctx.Err()
	}
}

func (s fakeScanner) Close() error { return nil }

func TestDeviceStateIsToldOnChangeOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var gone error
		b := newBubble(t, func(c *Config) {
			open := c.Scale.Open
			c.Scale.Open = func(ctx context.Context) (devices.Scale, error) {
				if gone != nil {
					return nil, gone
				}
				return open(ctx)
			}
		})
		b.after(time.Minute)
		b.world.mu.Lock()
		gone = devices.ErrDisconnected
		b.world.fault.scale, b.world.runs[0] = gone, 1
		b.world.mu.Unlock()
		b.after(time.Minute)
		if live := b.station.Status(t.Context()).Live; live.Scale.State != stateDown || live.Scale.Weight != nil || live.Cup != nil {
			t.Errorf("shown while the scale is away: %+v", live)
		}
		gone = nil
		b.world.newCup()
		b.after(time.Minute)
		b.stop()
		var states []string
		for _, r := range b.server.records {
			var d stationlog.Device
			if r.Kind == stationlog.KindDevice && r.Decode(&d) == nil && d.Kind == kindScale {
				states = append(states, d.State)
			}
		}
		if got := strings.Join(states, " "); got != "ready down ready" {
			t.Errorf("told %q", got)
		}
	})
}

func TestLiveIsSentOnChangeAndAsHeartbeat(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.after(10 * time.Second)
		before := b.server.pictures()
		b.after(time.Minute)
		if n := b.server.pictures() - before; n < 28 || n > 32 {
			t.Errorf("%d messages in a quiet minute", n)
		}
		before = b.server.pictures()
		for range 100 { // a hand on the pan
			b.world.mu.Lock()
			b.world.liquid += 500
			b.world.mu.Unlock()
			b.after(100 * time.Millisecond)
		}
		if n := b.server.pictures() - before; n < 30 || n > 55 {
			t.Errorf("%d messages in ten busy seconds", n)
		}
		b.stop()
	})
}
