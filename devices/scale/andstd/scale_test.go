package andstd_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/devicetest"
	"github.com/lieu-clinic/lieu/devices/scale/andstd"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

func play(t *testing.T, script []devicetest.Exchange, f func(t *testing.T, ctx context.Context, s *andstd.Scale)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s, err := andstd.Open(ctx, devicetest.NewScript(t, script...), andstd.Config{Name: "scale0"}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		f(t, ctx, s)
	})
}

func read(t *testing.T, ctx context.Context, s *andstd.Scale, want measure.Weight, stable bool) {
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
			play(t, script(opening(), []devicetest.Exchange{ask(command, reply+"\r\n")}), func(t *testing.T, ctx context.Context, s *andstd.Scale) {
				if r, err := s.Read(ctx); !errors.Is(err, want) || r != (devices.Reading{}) || !strings.Contains(err.Error(), "scale0") {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}

// opening of a balance that acknowledges.
func opening() []devicetest.Exchange {
	return []devicetest.Exchange{
		ask("\r\nC\r\n", "\x06\r\n"),
		ask("Q\r\n", "ST,+00000.00  g\r\n"),
		ask("?TN\r\n", "TN,FX-2000i\r\n"),
		ask("C\r\n", "\x06\r\n"),
		ask("?TN\r\n", "TN,FX-2000i\r\n"),
		ask("?SN\r\n", "SN,T1234567\r\n"),
	}
}

// The transcript of a balance with erCd 1.
func TestSessionWithAcknowledgements(t *testing.T) {
	zero := ask("Q\r\n", "ST,+00000.00  g\r\n")
	play(t, script(opening(),
		[]devicetest.Exchange{ask("R\r\n", "\x06\r\n\x06\r\n")}, // taken, then done
		again(zero),
		[]devicetest.Exchange{
			ask("Q\r\n", "US,+00004.87  g\r\n"),
			ask("Q\r\n", "ST,+00005.01  g\r\n"),
			ask("T\r\n", "\x06\r\n"),
			zero,
			ask("Q\r\n", "ST,OK,+00000.00  g\r\n"),
			ask("Q\r\n", "OL,+9999999E+19\r\n"),
		}), func(t *testing.T, ctx context.Context, s *andstd.Scale) {
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
		read(t, ctx, s, 4_870_000, false)
		if r, err := s.Tare(ctx); err != nil || r.Weight != 5_010_000 {
			t.Errorf("%+v, %v", r, err)
		}
		read(t, ctx, s, 0, true)
		if _, err := s.Read(ctx); !errors.Is(err, devices.ErrOverload) {
			t.Error(err)
		}
	})
}

func TestStatusesAreErrors(t *testing.T) {
	errorsOf(t, "Q\r\n", map[string]error{
		"OL,+9999999E+19": devices.ErrOverload,
		"OL,-9999999E+19": devices.ErrUnderload,
		"QT,+00000012 PC": devices.ErrUnit,
		"ST,+0000.011 lb": devices.ErrUnit,
		"EC,E01":          devices.ErrRefused,
		"EC,E02":          devices.ErrUnstable,
		"EC,E11":          devices.ErrUnstable,
		"EC,E07":          devices.ErrRefused,
		"EC,E9":           devices.ErrRefused,
	})
}

// Without the second acknowledgement it is unknown whether the zero was set; it is not sent again.
func TestZeroIsSentOnce(t *testing.T) {
	play(t, script(opening(), []devicetest.Exchange{ask("R\r\n", "\x06\r\n")}), func(t *testing.T, ctx context.Context, s *andstd.Scale) {
		if err := s.Zero(ctx); !errors.Is(err, devices.ErrNoReply) {
			t.Error(err)
		}
	})
}

func TestARefusedTare(t *testing.T) {
	play(t, script(opening(), again(ask("Q\r\n", "ST,-00000.05  g\r\n")), []devicetest.Exchange{ask("T\r\n", "EC,E07\r\n")}),
		func(t *testing.T, ctx context.Context, s *andstd.Scale) {
			if r, err := s.Tare(ctx); !errors.Is(err, devices.ErrRefused) || r != (devices.Reading{}) {
				t.Errorf("%+v, %v", r, err)
			}
		})
}

// A balance that acknowledges nothing and is older than its questions is brought into step by silence.
func TestAnOlderSilentBalance(t *testing.T) {
	zero := ask("Q\r\n", "ST,+00000.00  g\r\n")
	play(t, script([]devicetest.Exchange{
		ask("\r\nC\r\n", ""), zero, ask("?TN\r\n", ""), ask("C\r\n", ""), ask("?TN\r\n", ""), ask("?SN\r\n", ""), ask("R\r\n", ""),
	}, again(zero)), func(t *testing.T, ctx context.Context, s *andstd.Scale) {
		if err := s.Zero(ctx); err != nil {
			t.Error(err)
		}
	})
}

// Another station's weight on RS-485 is not ours.
func TestStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t,
			ask("\r\n@23C\r\n", ""),
			ask("@23Q\r\n", "@07ST,+0001.000 kg\r\nST,+0003.000 kg\r\n@23ST,+0012.345 kg\r\n"),
			ask("@23?TN\r\n", "@23TN,HC-3Ki\r\n"), ask("@23C\r\n", "@23\x06\r\n"),
			ask("@23?TN\r\n", "@23TN,HC-3Ki\r\n"), ask("@23?SN\r\n", "@23SN,7\r\n"),
			ask("@23Q\r\n", "@23ST,+0012.345 kg\r\n"),
			ask("@23Q\r\n", "@07ST,+0001.000 kg\r\n@23ST,+0012.345 kg\r\n"),
		)
		cfg := andstd.Config{Name: "scale0", Serial: "7"}
		cfg.Station.Addressed, cfg.Station.Address = true, 23
		s, err := andstd.Open(t.Context(), link, cfg, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		read(t, t.Context(), s, 12_345_000_000, true)
	})
}

func TestOnlyTheRegisteredBalanceIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		link := devicetest.NewScript(t, opening()...)
		s, err := andstd.Open(t.Context(), link, andstd.Config{Serial: "T7654321"}, time.Now)
		if s != nil || !errors.Is(err, devices.ErrWrongDevice) || !strings.Contains(err.Error(), "T1234567") {
			t.Errorf("%v, %v", s, err)
		}
	})
}
