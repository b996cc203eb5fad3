package mtsics_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/mtsics"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// opening is the conversation that every driver begins with.
func opening(more ...devicetest.Exchange) []devicetest.Exchange {
	return append([]devicetest.Exchange{
		{Want: "\r\n"},
		{Want: "@\r\n", Reply: "I4 A \"12345678\"\r\n"},
		{Want: "I2\r\n", Reply: "I2 A \"JE1002G/A 1200.90 g\"\r\n"},
		{Want: "I3\r\n", Reply: "I3 A \"1.20 34.28\"\r\n"},
		{Want: "I4\r\n", Reply: "I4 A \"12345678\"\r\n"},
	}, more...)
}

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, s *mtsics.Scale)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		link := devicetest.NewScript(t, script...)
		s, err := mtsics.Open(ctx, link, mtsics.Config{Name: "scale0"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, ctx, s)
	})
}

func TestRecordedSession(t *testing.T) {
	play(t, opening(
		devicetest.Exchange{Want: "SI\r\n", Reply: "S D       3.91 g\r\n"}, // shows the form
		devicetest.Exchange{Want: "SI\r\n", Reply: "S D       3.91 g\r\n"},
		devicetest.Exchange{Want: "S\r\n", Reply: "S S      10.37 g\r\n"},
		devicetest.Exchange{Want: "T\r\n", Reply: "T S      25.13 g\r\n"},
		devicetest.Exchange{Want: "Z\r\n", Reply: "Z A\r\n"},
	), func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
		r, err := s.Read(ctx)
		if err != nil || r.Weight != 3910*measure.WeightMilligram || r.Stable || r.Decimals != 2 || r.Unit != "g" ||
			r.Raw != "S D       3.91 g" {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := s.Stable(ctx); err != nil || r.Weight != 10_370*measure.WeightMilligram || !r.Stable {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := s.Tare(ctx); err != nil || r.Weight != 25_130*measure.WeightMilligram {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestStatusesAreErrors(t *testing.T) {
	for reply, want := range map[string]error{
		"S +":                devices.ErrOverload,
		"S -":                devices.ErrUnderload,
		"S I":                devices.ErrUnstable,
		"S L":                devices.ErrRefused,
		"S S Error 10b":      devices.ErrRefused,
		"ES":                 devices.ErrRefused,
		"EL":                 devices.ErrRefused,
		"S S       0.36 oz":  devices.ErrUnit,
		"S S          5 PCS": devices.ErrUnit,
		"I4 A \"12345678\"":  devices.ErrRestarted,
	} {
		t.Run(reply, func(t *testing.T) {
			play(t, opening(devicetest.Exchange{Want: "SI\r\n", Reply: reply + "\r\n"}),
				func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
					if r, err := s.Read(ctx); !errors.Is(err, want) || r != (devices.Reading{}) {
						t.Errorf("%+v, %v", r, err)
					}
				})
		})
	}
}

// A lost "k" makes kilograms grams: the form has changed, so the weight is asked for again.
func TestAnotherFormIsAskedForAgain(t *testing.T) {
	play(t, opening(
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S    0.10037 kg\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S    0.10037 kg\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S    0.10037 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S    0.10037 kg\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S    0.10037 kg\r\n"},
	), func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
		for range 2 {
			if r, err := s.Read(ctx); err != nil || r.Weight != 100_370*measure.WeightMilligram {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

// The balance gives up waiting; the driver goes on asking until a weight is stable.
func TestStableFallsBackToPolling(t *testing.T) {
	play(t, opening(
		devicetest.Exchange{Want: "S\r\n", Reply: "S I\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S D       9.00 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S D       9.90 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S      10.00 g\r\n"},
	), func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
		if r, err := s.Stable(ctx); err != nil || r.Weight != 10*measure.WeightGram {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// After silence nothing is taken for an answer before the balance has answered something else.
func TestLateAnswersAreNotTaken(t *testing.T) {
	play(t, opening(
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S       1.00 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S       1.00 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n"}, // silence
		devicetest.Exchange{Want: "I2\r\n", Reply: "S S       1.00 g\r\nI2 A \"JE1002G\"\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S       2.00 g\r\n"},
	), func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
		for _, want := range []measure.Weight{measure.WeightGram, 2 * measure.WeightGram} {
			if r, err := s.Read(ctx); err != nil || r.Weight != want {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

// T and Z act; a lost answer does not make them act twice.
func TestTareAndZeroAreSentOnce(t *testing.T) {
	play(t, opening(
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S       1.00 g\r\n"},
		devicetest.Exchange{Want: "SI\r\n", Reply: "S S       1.00 g\r\n"},
		devicetest.Exchange{Want: "T\r\n"},
		devicetest.Exchange{Want: "I2\r\n", Reply: "I2 A \"JE1002G\"\r\n"},
		devicetest.Exchange{Want: "Z\r\n"},
	), func(t *testing.T, ctx context.Context, s *mtsics.Scale) {
		if r, err := s.Tare(ctx); !errors.Is(err, devices.ErrNoReply) || r != (devices.Reading{}) {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Zero(ctx); !errors.Is(err, devices.ErrNoReply) {
			t.Error(err)
		}
	})
}

func TestOnlyTheRegisteredBalanceIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening()...)
		s, err := mtsics.Open(t.Context(), link, mtsics.Config{Name: "scale0", Serial: "999"}, time.Now)
		if s != nil || !errors.Is(err, devices.ErrWrongDevice) || !strings.Contains(err.Error(), "scale0") {
			t.Errorf("%v, %v", s, err)
		}
	})
}

// A balance of level 0 does not know I2 and I3.
func TestIdentityOfASmallBalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t,
			devicetest.Exchange{Reply: "S D       1.00 g\r\nS D       1"}, // somebody left it repeating
			devicetest.Exchange{Want: "\r\n", Reply: ".00 g\r\nES\r\n"},
			devicetest.Exchange{Want: "@\r\n", Reply: "I4 A \"7\"\r\n"},
			devicetest.Exchange{Want: "I2\r\n", Reply: "ES\r\n"},
			devicetest.Exchange{Want: "I2\r\n", Reply: "ES\r\n"}, // answers at all: the line is in step
			devicetest.Exchange{Want: "I3\r\n", Reply: "I3 A \"1.0\"\r\n"},
			devicetest.Exchange{Want: "I4\r\n", Reply: "I4 A \"7\"\r\n"},
		)
		s, err := mtsics.Open(t.Context(), link, mtsics.Config{Serial: "7"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
	})
}

func TestNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silence []devicetest.Exchange
		for range 4 {
			silence = append(silence, devicetest.Exchange{Want: "\r\n"}, devicetest.Exchange{Want: "@\r\n"})
		}
		_, err := mtsics.Open(t.Context(), devicetest.NewScript(t, silence...), mtsics.Config{}, time.Now)
		if !errors.Is(err, devices.ErrNoReply) {
			t.Error(err)
		}
	})
}

// The same contract over a terminal, in real time.
func TestContractOverTerminal(t *testing.T) {
	devicetest.Scale(t, devicetest.Real, func(t *testing.T) devicetest.ScaleBench {
		return bench(t, true, sim.ScaleConfig{})
	})
}

// A balance of level 0 takes no tare over the line: nothing is sent.
func TestProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening(devicetest.Exchange{Want: "Z\r\n", Reply: "Z A\r\n"})...)
		s, err := mtsics.Open(t.Context(), link, mtsics.Config{Profile: mtsics.OHAUS7000}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if r, err := s.Tare(t.Context()); !errors.Is(err, devices.ErrRefused) || r != (devices.Reading{}) {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Zero(t.Context()); err != nil {
			t.Error(err)
		}
	})
	link := devicetest.NewScript(t)
	if _, err := mtsics.Open(t.Context(), link, mtsics.Config{Profile: "abacus"}, time.Now); err == nil ||
		!strings.Contains(err.Error(), "mettler, kern, ohaus-7000") {
		t.Errorf("%v", err)
	}
}
