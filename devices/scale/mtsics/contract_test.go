package mtsics_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/mtsics"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance, on a terminal or in memory.
func bench(t *testing.T, terminal bool, cfg sim.ScaleConfig) devicetest.ScaleBench {
	b := simtest.Balance{
		Scale: cfg, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Scale, error) {
			return mtsics.Open(ctx, link, mtsics.Config{Name: "scale0", Serial: "1000001"}, time.Now)
		},
	}.Bench(t)
	b.NowCommand, b.StableCommand, b.ReplyLength = "SI", "S", len("S S      11.35 g\r\n")
	b.Identity = devices.Identity{Model: "SIM-MT 520.00 g", Serial: "1000001", Firmware: "1.20"}
	b.Announces = true
	return b
}

func TestContract(t *testing.T) {
	devicetest.Scale(t, devicetest.Virtual, func(t *testing.T) devicetest.ScaleBench {
		return bench(t, false, sim.ScaleConfig{})
	})
}

// Another make of balance: 11 wide fields, and ZI and TI answered as Z and T.
func TestContractWithVariants(t *testing.T) {
	devicetest.Scale(t, devicetest.Virtual, func(t *testing.T) devicetest.ScaleBench {
		b := bench(t, false, sim.ScaleConfig{Wide: true, ShortIDs: true, StableTimeout: 3 * time.Second})
		b.ReplyLength++
		return b
	})
}
