package newera_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/newera"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() newera.Config {
	return newera.Config{
		Name: "pump0", Firmware: "NE1000V3.928", Diameter: 29_200, Rate: 60_000, Max: 50 * measure.Millilitre,
		DeadMan: 5 * time.Second,
	}
}

func bench(t *testing.T, terminal bool) devicetest.PumpBench {
	deadMan := 5 * time.Second
	if terminal {
		deadMan = 2 * time.Second
	}
	b := simtest.Pump{
		Device: sim.DeviceConfig{Model: "new-era"}, Baud: 19200, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Pump, error) {
			cfg := config()
			cfg.DeadMan = deadMan
			return newera.Open(ctx, link, cfg)
		},
	}.Bench(t)
	b.Dose, b.Wrong, b.DeadMan = 900, 12_345, deadMan
	b.StartCommand, b.StartReplyLength = "RUN", len("..00I...")
	b.CountCommand, b.CountReplyLength = "DIS", len("..00II0.485W0.000ML...")
	return b
}

func TestContract(t *testing.T) {
	devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Pump(t, devicetest.Real, func(t *testing.T) devicetest.PumpBench { return bench(t, true) })
}
