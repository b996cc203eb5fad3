package sbi_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/sbi"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance with those options, on a terminal or in memory.
func bench(t *testing.T, terminal bool, options map[string]string) devicetest.ScaleBench {
	b := simtest.Balance{
		Device: sim.DeviceConfig{Model: "sbi", Options: options}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Scale, error) {
			return sbi.Open(ctx, link, sbi.Config{Name: "scale0", Serial: "1000001"}, time.Now)
		},
	}.Bench(t)
	b.NowCommand, b.StableCommand, b.ReplyLength = "\x1bP", "\x1bP", len("N     +    11.35 g  \r\n")
	if options["format"] == "16" {
		b.ReplyLength = len("+    11.35 g  \r\n")
	}
	b.Identity = devices.Identity{Model: "SIM-SBI520-2S", Serial: "1000001", Firmware: "BAC:        00-39-21"}
	return b
}

func TestContract(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"22 characters": {"format": "22"},
		"16 characters": {"format": "16"},
		"autoprint":     {"autoprint": "yes"},
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
