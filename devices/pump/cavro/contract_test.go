package cavro_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/cavro"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config(protocol cavro.Protocol) cavro.Config {
	return cavro.Config{
		Name: "pump0", Protocol: protocol, Firmware: "SIM-XCALIBUR 1.0", Syringe: 5 * measure.Millilitre,
		Rate: 60 * measure.MillilitrePerMinute, Max: 30 * measure.Millilitre,
	}
}

// bench is a simulated pump that was initialised before, on a terminal or in memory.
func bench(t *testing.T, cfg cavro.Config, terminal bool) devicetest.PumpBench {
	b := simtest.Pump{
		Device: sim.DeviceConfig{Model: "cavro-oem", Options: map[string]string{"initialised": "yes"}}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Pump, error) { return cavro.Open(ctx, link, cfg) },
	}.Bench(t)
	b.Dose, b.Wrong = 900, 902
	b.StartCommand, b.StartReplyLength = "OA", len("s0@.x")
	b.CountCommand, b.CountReplyLength = "?4", len("s0@1500.x")
	if cfg.Protocol == cavro.DT {
		b.StartReplyLength, b.CountReplyLength = len("/0@.rn"), len("/0@1500.rn")
		b.Unchecked = true
	}
	return b
}

func protocols() map[string]cavro.Protocol {
	return map[string]cavro.Protocol{"OEM": cavro.OEM, "DT": cavro.DT}
}

func TestContract(t *testing.T) {
	for name, protocol := range protocols() {
		t.Run(name, func(t *testing.T) {
			devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench { return bench(t, config(protocol), false) })
		})
	}
}

// A dose of three strokes keeps the same contract.
func TestContractOfSeveralStrokes(t *testing.T) {
	for name, protocol := range protocols() {
		t.Run(name, func(t *testing.T) {
			devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench {
				cfg := config(protocol)
				cfg.Rate = 200 * measure.MillilitrePerMinute
				b := bench(t, cfg, false)
				b.Dose, b.Strokes = 12*measure.Millilitre, 3
				return b
			})
		})
	}
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	for name, protocol := range protocols() {
		t.Run(name, func(t *testing.T) {
			devicetest.Pump(t, devicetest.Real, func(t *testing.T) devicetest.PumpBench { return bench(t, config(protocol), true) })
		})
	}
}
