package evdev_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scanner/evdev"
	"github.com/lieu-clinic/lieu/devices/sim"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/evdevscan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	devicetest.Scanner(t, devicetest.Virtual, func(t *testing.T) devicetest.ScannerBench {
		b, err := sim.NewBench(sim.Config{
			Now: time.Now, Seed: 5, Counters: []sim.CounterConfig{{Scanner: sim.DeviceConfig{Model: "evdev"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		must := func(t *testing.T, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		length, err := proto.Append(nil, "LIEU-000", false)
		must(t, err)
		return devicetest.ScannerBench{
			Open: func(context.Context) (devices.Scanner, error) {
				link, err := b.Link("scanner0")
				if err != nil {
					return nil, err
				}
				return evdev.Open(link, evdev.Config{Name: "scanner0"}, time.Now)
			},
			Line: devicetest.Line{
				Fault: func(t *testing.T, f devicetest.Fault) {
					must(t, b.Fault(sim.Fault{Device: "scanner0", Kind: sim.Kind(f.Kind), Count: f.Count, Skip: f.Skip, At: f.At}))
				},
				Unplug: func(t *testing.T) { must(t, b.Unplug("scanner0")) },
				Replug: func(t *testing.T) { must(t, b.Replug("scanner0")) },
			},
			Scan:  func(t *testing.T, text string) { must(t, b.Only().Scan(text)) },
			ASCII: true, Length: len(length),
		}
	})
}
