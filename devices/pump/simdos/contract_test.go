package simdos_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/simdos"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() simdos.Config {
	return simdos.Config{
		Name: "pump0", Version: "FEM101.070", Rate: 60 * measure.MillilitrePerMinute, Min: measure.Millilitre, Max: 50 * measure.Millilitre,
	}
}

func bench(t *testing.T, terminal bool) devicetest.PumpBench {
	b := simtest.Pump{
		Device: sim.DeviceConfig{Model: "simdos"}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Pump, error) {
			cfg := config()
			if terminal {
				cfg.ReplyTimeout = 500 * time.Millisecond // a busy machine is no slow pump
			}
			return simdos.Open(ctx, link, cfg)
		},
	}.Bench(t)
	b.Dose, b.Wrong = 1200, 999
	b.StartCommand, b.StartReplyLength = "KY1", len("\x06")
	b.CountCommand, b.CountReplyLength = "?TV", len("\x06\x02000004980\x034")
	b.Unmarked = true
	return b
}

func TestContract(t *testing.T) {
	devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Pump(t, devicetest.Real, func(t *testing.T) devicetest.PumpBench { return bench(t, true) })
}
