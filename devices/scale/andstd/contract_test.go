package andstd_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/andstd"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	proto "github.com/lieu-clinic/lieu/pkg/protocol/andstd"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulated balance with those options, on a terminal or in memory.
func bench(t *testing.T, terminal bool, options map[string]string) devicetest.ScaleBench {
	serial := "1000001"
	if options["identity"] == "no" {
		serial = ""
	}
	station := proto.Station{Addressed: options["rs485"] != "", Address: 23}
	if !station.Addressed {
		station = proto.Station{}
	}
	cfg := andstd.Config{Name: "scale0", Serial: serial, Station: station}
	if terminal {
		cfg.ReplyTimeout = 300 * time.Millisecond // on the bench nothing takes longer, and real time is dear
	}
	b := simtest.Balance{
		Device: sim.DeviceConfig{Model: "a-and-d", Options: options}, Baud: 2400, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Scale, error) {
			return andstd.Open(ctx, link, cfg, time.Now)
		},
	}.Bench(t)
	b.NowCommand, b.StableCommand, b.ReplyLength = "Q", "Q", len("ST,+00011.35  g\r\n")
	switch {
	case options["comparator"] == "yes":
		b.ReplyLength += len("OK,")
	case options["rs485"] != "":
		b.ReplyLength += len("@23")
	}
	if serial != "" {
		b.Identity = devices.Identity{Model: "SIM-AND520", Serial: serial}
	}
	return b
}

func TestContract(t *testing.T) {
	for name, options := range map[string]map[string]string{
		"silent":                    {"ercd": "0"},
		"with acknowledgements":     {"ercd": "1"},
		"with a comparator":         {"ercd": "1", "comparator": "yes"},
		"on RS-485":                 {"ercd": "1", "rs485": "23"},
		"older, without identity":   {"ercd": "1", "identity": "no"},
		"older, and silent at that": {"ercd": "0", "identity": "no"},
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
