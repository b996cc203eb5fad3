package cavro_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/pump/cavro"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Whatever a line does to commands and answers, many times in one dose of three strokes: no stroke is pushed twice, what
// is said to have moved did move, and a dose that ends without an error is whole.
func TestWhateverTheLineDoes(t *testing.T) {
	detected := []string{"lost_reply", "late_reply", "duplicate_reply", "split_reply", "merged_reply", "noise_before", "noise_after",
		"nul_byte", "truncated_reply", "lost_command"}
	for name, c := range map[string]struct {
		protocol cavro.Protocol
		kinds    []string
	}{
		"OEM": {cavro.OEM, append([]string{"garbled_reply", "noise_inside", "flipped_bit"}, detected...)}, // its checksum finds these
		"DT":  {cavro.DT, detected},
	} {
		t.Run(name, func(t *testing.T) {
			whole := 0
			for seed := range uint64(60) {
				synctest.Test(t, func(t *testing.T) {
					if rng := rand.New(rand.NewPCG(seed, 1)); troubled(t, c.protocol, c.kinds, rng) {
						whole++
					}
					if t.Failed() {
						t.Errorf("seed %d", seed)
					}
				})
			}
			if whole < 20 {
				t.Errorf("only %d doses of 60 came to their end", whole)
			}
		})
	}
}

// troubled pours one dose through a troubled line and reports whether it was whole.
func troubled(t *testing.T, protocol cavro.Protocol, kinds []string, rng *rand.Rand) bool {
	cfg := config(protocol)
	cfg.Rate = 200 * measure.MillilitrePerMinute
	b := bench(t, cfg, false)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	p, err := b.Open(ctx)
	if err != nil {
		t.Error(err)
		return false
	}
	defer p.Close()
	const dose = 12 * measure.Millilitre
	if err := p.Arm(ctx, dose); err != nil {
		t.Error(err)
		return false
	}
	for range 12 {
		b.Fault(t, devicetest.Fault{Kind: kinds[rng.IntN(len(kinds))], Skip: rng.IntN(30), Count: 1 + rng.IntN(2)})
	}
	moved, err := p.Dispense(ctx, nil)
	truly := b.Pushed()
	if b.Starts() > 3 || moved > truly+10 || err == nil && (moved != dose || (truly-dose).Abs() > 10) {
		t.Errorf("%s, %v; truly %s in %d strokes", moved, err, truly, b.Starts())
	}
	if errors.Is(err, devices.ErrRefused) && truly != 0 {
		t.Errorf("refused, and %s moved: %v", truly, err)
	}
	return err == nil
}
