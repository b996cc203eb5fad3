package reglo_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/reglo"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/devices/sim/simtest"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func config() reglo.Config {
	return reglo.Config{
		Name: "pump0", Identity: "REGLO ICC 0208 306", Tube: 3170, Rate: 40 * measure.MillilitrePerMinute, Max: 50 * measure.Millilitre,
		BackSteps: 20,
	}
}

func bench(t *testing.T, terminal bool) devicetest.PumpBench {
	b := simtest.Pump{
		Device: sim.DeviceConfig{Model: "reglo-icc"}, Baud: 9600, Terminal: terminal,
		Open: func(ctx context.Context, link devices.Link) (devices.Pump, error) {
			return reglo.Open(ctx, link, config())
		},
	}.Bench(t)
	b.Dose, b.Wrong = 900, 12_345
	b.StartCommand, b.StartReplyLength = "1H", len("*")
	b.CountCommand, b.CountReplyLength = "1:", len("4.983 ml\r\n")
	return b
}

func TestContract(t *testing.T) {
	devicetest.Pump(t, devicetest.Virtual, func(t *testing.T) devicetest.PumpBench { return bench(t, false) })
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Pump(t, devicetest.Real, func(t *testing.T) devicetest.PumpBench { return bench(t, true) })
}
