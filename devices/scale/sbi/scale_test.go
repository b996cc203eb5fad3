package sbi_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/sbi"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, s *sbi.Scale)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s, err := sbi.Open(ctx, devicetest.NewScript(t, script...), sbi.Config{Name: "scale0"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, ctx, s)
	})
}

func read(t *testing.T, ctx context.Context, s *sbi.Scale, want measure.Weight, stable bool) {
	t.Helper()
	if r, err := s.Read(ctx); err != nil || r.Weight != want || r.Stable != stable {
		t.Errorf("%+v, %v; want %s", r, err, want)
	}
}

// ask is a question and its answer; again is the same twice, for the first weight, which shows how the balance prints.
func ask(want, reply string) devicetest.Exchange {
	return devicetest.Exchange{Want: want, Reply: reply}
}

func again(e devicetest.Exchange) []devicetest.Exchange { return []devicetest.Exchange{e, e} }

func script(parts ...[]devicetest.Exchange) (all []devicetest.Exchange) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func errorsOf(t *testing.T, command string, rows map[string]error) {
	for reply, want := range rows {
		t.Run(reply, func(t *testing.T) {
			play(t, script(opening(), []devicetest.Exchange{ask(command, reply+"\r\n")}), func(t *testing.T, ctx context.Context, s *sbi.Scale) {
				if r, err := s.Read(ctx); !errors.Is(err, want) || r != (devices.Reading{}) || !strings.Contains(err.Error(), "scale0") {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func opening() []devicetest.Exchange {
	return []devicetest.Exchange{
		ask("\x1bx1_\r\n", "MSE1203S-100-DR     \r\n"),
		ask("\x1bx1_\r\n", "MSE1203S-100-DR     \r\n"),
		ask("\x1bx2_\r\n", "SerNo.    0031801165\r\n"),
		ask("\x1bx3_\r\n", "BAC:        00-39-21\r\n"),
	}
}

// A cup is being filled.
func TestRecordedSession(t *testing.T) {
	play(t, script(opening(),
		again(ask("\x1bP\r\n", "N     +    0.000 g  \r\n")),
		[]devicetest.Exchange{
			ask("\x1bT\r\n", ""), // never answered: the display is the proof
			ask("\x1bP\r\n", "N     +    0.000 g  \r\n"),
			ask("\x1bP\r\n", "N     +    4.871    \r\n"),
			ask("\x1bP\r\n", "N     +    5.012 g  \r\nStat      High      \r\n"),
			ask("\x1bP\r\n", "Stat      High      \r\n"),
		}), func(t *testing.T, ctx context.Context, s *sbi.Scale) {
		if r, err := s.Tare(ctx); err != nil || r.Weight != 0 || !r.Stable {
			t.Errorf("%+v, %v", r, err)
		}
		if r, err := s.Read(ctx); !errors.Is(err, devices.ErrUnstable) || r != (devices.Reading{}) {
			t.Errorf("without a unit there is no weight: %+v, %v", r, err)
		}
		read(t, ctx, s, 5_012_000, true)
		if _, err := s.Read(ctx); !errors.Is(err, devices.ErrOverload) {
			t.Error(err)
		}
	})
}

func TestStatusesAreErrors(t *testing.T) {
	errorsOf(t, "\x1bP\r\n", map[string]error{
		"Stat      High      ": devices.ErrOverload,
		"Stat      Low       ": devices.ErrUnderload,
		"Stat  ERR 055":        devices.ErrOverload,
		"Stat  ERR 054":        devices.ErrUnderload,
		"Stat       OFF":       devices.ErrRefused,
		"Stat     Cal.Int.":    devices.ErrUnstable,
		"PRT.ERR":              devices.ErrRefused,
		"Err 101":              devices.ErrRefused,
		"APP. ERR":             devices.ErrRefused,
		"Qnt   +      253 pcs": devices.ErrUnit,
		"N     +    0.011 lb ": devices.ErrUnit,
		"N     +    5.012    ": devices.ErrUnstable,
		"N     + 123.5[6]    ": devices.ErrUnstable,
	})
}

// A model name that comes in between is no weight.
func TestIdentityBetweenWeights(t *testing.T) {
	play(t, script(opening(), again(ask("\x1bP\r\n", "MSE1203S-100-DR     \r\nBCE3202-1S\r\nN     +    5.012 g  \r\n"))),
		func(t *testing.T, ctx context.Context, s *sbi.Scale) { read(t, ctx, s, 5_012_000, true) })
}

// A tare acts; that the balance does not show zero does not make it act twice.
func TestTareIsSentOnce(t *testing.T) {
	five := ask("\x1bP\r\n", "N     +    5.012 g  \r\n")
	steps := script(opening(), again(five), []devicetest.Exchange{ask("\x1bT\r\n", "")})
	for range 67 { // polls in what is left of 10 s
		steps = append(steps, five)
	}
	play(t, steps, func(t *testing.T, ctx context.Context, s *sbi.Scale) {
		if r, err := s.Tare(ctx); !errors.Is(err, devices.ErrUnstable) || r != (devices.Reading{}) || !strings.Contains(err.Error(), "does not show zero") {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestZero(t *testing.T) {
	zero := ask("\x1bP\r\n", "N     +    0.000 g  \r\n")
	play(t, script(opening(), []devicetest.Exchange{ask("\x1bV\r\n", "")}, again(zero)), func(t *testing.T, ctx context.Context, s *sbi.Scale) {
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestOnlyTheRegisteredBalanceIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening()...)
		if s, err := sbi.Open(t.Context(), link, sbi.Config{Serial: "999"}, time.Now); s != nil || !errors.Is(err, devices.ErrWrongDevice) {
			t.Errorf("%v, %v", s, err)
		}
	})
}

// An older balance knows its model alone: it is opened when no serial number is registered.
func TestAnOlderBalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		model := ask("\x1bx1_\r\n", "LE2202S       \r\n")
		link := devicetest.NewScript(t, model, model, ask("\x1bx2_\r\n", ""), model, ask("\x1bx3_\r\n", ""))
		s, err := sbi.Open(t.Context(), link, sbi.Config{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	})
}

// What is mostly wrong with a silent balance is said.
func TestNothingAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silence := ask("\x1bx1_\r\n", "")
		_, err := sbi.Open(t.Context(), devicetest.NewScript(t, silence, silence, silence, silence), sbi.Config{}, time.Now)
		if !errors.Is(err, devices.ErrNoReply) || !strings.Contains(err.Error(), "parity") || !strings.Contains(err.Error(), "xBPI") {
			t.Error(err)
		}
	})
}
