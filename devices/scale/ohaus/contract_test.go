package ohaus_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/ohaus"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance with those options, on a terminal or in memory.
func bench(t *testing.T, terminal bool, options map[string]string) devicetest.ScaleBench {
	b := simtest.Balance{
		Device: sim.DeviceConfig{Model: "ohaus", Options: options}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Scale, error) {
			return ohaus.Open(ctx, link, ohaus.Config{Name: "scale0", Serial: "1000001"}, time.Now)
		},
	}.Bench(t)
	b.NowCommand, b.StableCommand, b.ReplyLength = "IP", "IP", len("      11.35 g\r\n")
	b.Identity = devices.Identity{Serial: "1000001", Firmware: "Sr 1.10"}
	return b
}

func TestContract(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"plain":               nil,
		"with a legend":       {"legend": "NET"},
		"with totals between": {"total": "yes"},
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
