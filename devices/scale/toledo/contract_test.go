package toledo_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/toledo"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance with those options, on a terminal or in memory.
func bench(t *testing.T, terminal bool, options map[string]string) devicetest.ScaleBench {
	b := simtest.Balance{
		Device: sim.DeviceConfig{Model: "toledo-continuous", Options: options}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Scale, error) {
			return toledo.Open(ctx, link, toledo.Config{Name: "scale0", Checksum: options["checksum"] == "yes"}, time.Now)
		},
	}.Bench(t)
	b.ReplyLength = 17
	b.Checked = options["checksum"] == "yes"
	b.Silence = 10
	b.Announces = true // it says that it has not been zeroed since
	load := b.Load
	b.Revive = func(t *testing.T) measure.Weight {
		b.Unload(t)
		<-time.After(2 * b.Settle)
		w := load(t)
		<-time.After(b.Settle)
		return w
	}
	return b
}

func TestContract(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"without checksum": nil,
		"with checksum":    {"checksum": "yes"},
	} {
		t.Run(name, func(t *testing.T) {
			devicetest.Scale(t, devicetest.Virtual, func(t *testing.T) devicetest.ScaleBench { return bench(t, false, options) })
		})
	}
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Scale(t, devicetest.Real, func(t *testing.T) devicetest.ScaleBench { return bench(t, true, nil) })
}
