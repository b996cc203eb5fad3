package radwag_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/radwag"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, s *radwag.Scale)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s, err := radwag.Open(ctx, devicetest.NewScript(t, script...), radwag.Config{Name: "scale0"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, ctx, s)
	})
}

func read(t *testing.T, ctx context.Context, s *radwag.Scale, want measure.Weight, stable bool) {
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
			play(t, script(opening(), []devicetest.Exchange{ask(command, reply+"\r\n")}), func(t *testing.T, ctx context.Context, s *radwag.Scale) {
				if r, err := s.Read(ctx); !errors.Is(err, want) || r != (devices.Reading{}) || !strings.Contains(err.Error(), "scale0") {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func opening() []devicetest.Exchange {
	return []devicetest.Exchange{
		ask("\r\nC0\r\n", "C0 A\r\n"),
		ask("NB\r\n", "NB A \"123456\"\r\n"),
		ask("BN\r\n", "BN A \"PS\"\r\n"),
		ask("RV\r\n", "ES\r\n"),              // an older one does not know it
		ask("NB\r\n", "NB A \"123456\"\r\n"), // answers at all: the line is in step
		ask("NB\r\n", "NB A \"123456\"\r\n"),
	}
}

func TestSession(t *testing.T) {
	play(t, script(opening(),
		again(ask("SI\r\n", "SI         5.012 g  \r\n")),
		[]devicetest.Exchange{
			ask("T\r\n", "T A\r\nT D\r\n"), // in two steps
			ask("SI\r\n", "SI  ? -    0.020 g  \r\n"),
			ask("SI\r\n", "SI         0.000 g  \r\n"),
			ask("Z\r\n", "Z A\r\nZ D\r\n"),
			ask("SI\r\n", "SI  ^               \r\n"),
		}), func(t *testing.T, ctx context.Context, s *radwag.Scale) {
		if r, err := s.Tare(ctx); err != nil || r.Weight != 5_012_000 {
			t.Errorf("%+v, %v", r, err)
		}
		read(t, ctx, s, -20*measure.WeightMilligram, false)
		read(t, ctx, s, 0, true)
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
		if _, err := s.Read(ctx); !errors.Is(err, devices.ErrOverload) {
			t.Error(err)
		}
	})
}

func TestStatusesAreErrors(t *testing.T) {
	errorsOf(t, "SI\r\n", map[string]error{
		"SI  ^               ": devices.ErrOverload,
		"SI  v               ": devices.ErrUnderload,
		"SI I":                 devices.ErrUnstable,
		"SI E":                 devices.ErrUnstable,
		"ES":                   devices.ErrRefused,
		"SI         0.011 lb ": devices.ErrUnit,
		"SI            12 pcs": devices.ErrUnit,
	})
}

// What the second step says is the result.
func TestTheSecondStepCounts(t *testing.T) {
	for reply, want := range map[string]error{
		"Z A\r\nZ E\r\n": devices.ErrUnstable,
		"Z A\r\nZ ^\r\n": devices.ErrRefused,
		"Z A\r\nZ v\r\n": devices.ErrRefused,
		"Z I\r\n":        devices.ErrUnstable,
		"Z A\r\n":        devices.ErrNoReply, // and it is not sent again
		"Z D\r\n":        nil,                // the first step was lost
		"ES\r\n":         devices.ErrRefused,
	} {
		t.Run(strings.TrimSpace(reply), func(t *testing.T) {
			play(t, script(opening(), []devicetest.Exchange{ask("Z\r\n", reply)}), func(t *testing.T, ctx context.Context, s *radwag.Scale) {
				if err := s.Zero(ctx); !errors.Is(err, want) {
					t.Error(err)
				}
			})
		})
	}
}

// A blank that is missing for once is a byte that was lost: the mass is asked for again.
func TestAMissingBlankIsAnotherForm(t *testing.T) {
	whole := ask("SI\r\n", "SI        15.012 g  \r\n")
	play(t, script(opening(), again(whole), []devicetest.Exchange{
		ask("SI\r\n", "SI        5.012 g  \r\n")}, again(whole)),
		func(t *testing.T, ctx context.Context, s *radwag.Scale) {
			read(t, ctx, s, 15_012_000, true)
			read(t, ctx, s, 15_012_000, true)
		})
}

func TestOnlyTheRegisteredBalanceIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening()...)
		if s, err := radwag.Open(t.Context(), link, radwag.Config{Serial: "999"}, time.Now); s != nil || !errors.Is(err, devices.ErrWrongDevice) {
			t.Errorf("%v, %v", s, err)
		}
	})
}
