package ohaus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/ohaus"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, s *ohaus.Scale)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s, err := ohaus.Open(ctx, devicetest.NewScript(t, script...), ohaus.Config{Name: "scale0"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, ctx, s)
	})
}

func read(t *testing.T, ctx context.Context, s *ohaus.Scale, want measure.Weight, stable bool) {
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
			play(t, script(opening(), []devicetest.Exchange{ask(command, reply+"\r\n")}), func(t *testing.T, ctx context.Context, s *ohaus.Scale) {
				if r, err := s.Read(ctx); !errors.Is(err, want) || r != (devices.Reading{}) || !strings.Contains(err.Error(), "scale0") {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

func opening() []devicetest.Exchange {
	return []devicetest.Exchange{
		ask("\r\n0P\r\n", "ES\r\nOK!\r\n"),
		ask("PV\r\n", "Sr 1.10\r\n"),
		ask("PSN\r\n", "B123456789\r\n"),
		ask("PV\r\n", "Sr 1.10\r\n"),
	}
}

func TestSession(t *testing.T) {
	play(t, script(opening(),
		again(ask("IP\r\n", "      10.00 g\r\n")),
		[]devicetest.Exchange{
			ask("T\r\n", "OK!\r\n"),
			ask("IP\r\n", "       4.87 g ?\r\n"),
			ask("IP\r\n", "       5.01 g\r\n"),
			ask("IP\r\n", "     207.80 g TOTAL\r\n       5.01 g N\r\n"), // the sum is passed over
			ask("Z\r\n", "OK!\r\n"),
		}), func(t *testing.T, ctx context.Context, s *ohaus.Scale) {
		if r, err := s.Tare(ctx); err != nil || r.Weight != 10*measure.WeightGram {
			t.Errorf("%+v, %v", r, err)
		}
		read(t, ctx, s, 4_870_000, false)
		read(t, ctx, s, 5_010_000, true)
		read(t, ctx, s, 5_010_000, true)
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestStatusesAreErrors(t *testing.T) {
	errorsOf(t, "IP\r\n", map[string]error{
		"ES":              devices.ErrRefused,
		"Err 8.3":         devices.ErrOverload,
		"Err 8.4":         devices.ErrUnderload,
		"Err 53.1":        devices.ErrRefused,
		"?":               devices.ErrRefused, // an older balance
		"0M":              devices.ErrRefused,
		"     192.21":     devices.ErrUnit, // set to numbers only
		"     192.21 oz":  devices.ErrUnit,
		"         12 PCS": devices.ErrUnit,
	})
}

// T and Z act; a lost answer does not make them act twice.
func TestTareAndZeroAreSentOnce(t *testing.T) {
	play(t, script(opening(), again(ask("IP\r\n", "       1.00 g\r\n")), []devicetest.Exchange{
		ask("T\r\n", ""), ask("PV\r\n", "Sr 1.10\r\n"), ask("Z\r\n", "ES\r\n"),
	}), func(t *testing.T, ctx context.Context, s *ohaus.Scale) {
		if r, err := s.Tare(ctx); !errors.Is(err, devices.ErrNoReply) || r != (devices.Reading{}) {
			t.Errorf("%+v, %v", r, err)
		}
		if err := s.Zero(ctx); !errors.Is(err, devices.ErrRefused) || !strings.Contains(err.Error(), "40 s") {
			t.Error(err)
		}
	})
}

func TestOnlyTheRegisteredBalanceIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening()...)
		s, err := ohaus.Open(t.Context(), link, ohaus.Config{Serial: "B999"}, time.Now)
		if s != nil || !errors.Is(err, devices.ErrWrongDevice) || !strings.Contains(err.Error(), "B123456789") {
			t.Errorf("%v, %v", s, err)
		}
	})
}
