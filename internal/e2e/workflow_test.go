package e2e

import (
	"encoding/json"
	"os"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/lieu-clinic/lieu/internal/dispensing"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/patient"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	_ = os.RemoveAll(programs.dir) // "" removes nothing
	os.Exit(code)
}

func mustJSON(t testing.TB, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

// morning is seven o'clock in Hà Nội on a working day.
func morning() *clock { return &clock{t: time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)} }

// aDay opens a store and a small clinic whose counter the test plays.
func aDay(t *testing.T, url string, patients int) (services, *smallClinic, *counter, *clock) {
	t.Helper()
	clk := morning()
	s := newServices(t, open(t, url), clk.now, dispensing.Options{})
	c := s.found(t, 1, patients)
	return s, c, s.enrol(t, c), clk
}

func (s services) begin(t testing.TB, c *smallClinic, p patient.Patient) dispensing.Dispensing {
	t.Helper()
	d, err := s.doses.Begin(t.Context(), s.request(c, p))
	require.NoError(t, err)
	return d
}

func (s services) request(c *smallClinic, p patient.Patient) dispensing.Request {
	return dispensing.Request{
		ID: id.New[dispensing.ID](), Clinic: c.clinic.ID, Patient: p.ID, Station: c.station.ID, By: c.nurse,
	}
}

func (c *smallClinic) act(d dispensing.Dispensing) dispensing.Act {
	return dispensing.Act{Clinic: c.clinic.ID, ID: d.ID, By: c.nurse}
}

func (c *smallClinic) two(d dispensing.Dispensing) dispensing.Act {
	return dispensing.Act{Clinic: c.clinic.ID, ID: d.ID, By: c.nurse, Witness: c.pharmacist, Reason: "seen by both"}
}

func rules(t testing.TB, err error) (ids []dosing.RuleID) {
	t.Helper()
	var r *dispensing.Refusal
	require.ErrorAs(t, err, &r)
	for _, reason := range r.Decision.Refusals {
		ids = append(ids, reason.Rule)
	}
	return ids
}

func TestOneDose(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 1)
		p := c.patients[0]
		d := s.begin(t, c, p)
		require.Equal(t, 6*measure.Millilitre, d.Volume)
		require.Equal(t, 6*measure.Millilitre, s.balance(t, c)[stock.Reserved])

		k.report(t, stationlog.KindArmed, stationlog.Armed{Dispensing: string(d.ID)})
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
		measured := k.report(t, stationlog.KindMeasured, poured(t, d.ID, 6*measure.Millilitre+40))

		_, err := s.doses.Taken(t.Context(), c.act(d))
		require.True(t, fault.Is(err, fault.Conflict), "taken before hand-over: %v", err)
		_, err = s.doses.HandOver(t.Context(), c.act(d), id.New[patient.ID]())
		require.True(t, fault.Is(err, fault.Refused), "another patient's card: %v", err)
		d, err = s.doses.HandOver(t.Context(), c.act(d), p.ID)
		require.NoError(t, err)
		d, err = s.doses.Taken(t.Context(), c.act(d))
		require.NoError(t, err)
		require.Equal(t, dispensing.Administered, d.State)

		b := s.balance(t, c)
		require.Equal(t, 6*measure.Millilitre+40, b[stock.Administered])
		require.Equal(t, measure.Litre-6*measure.Millilitre-40, b[stock.InBottle])
		require.Zero(t, b[stock.Reserved])

		// Everything may be said twice.
		_, err = s.doses.Taken(t.Context(), c.act(d))
		require.NoError(t, err)
		accepted, err := s.doses.Report(t.Context(), c.station, []stationlog.Signed{measured})
		require.NoError(t, err)
		require.Equal(t, k.seq, accepted)
		steps, err := s.doses.Steps(t.Context(), c.clinic.ID, d.ID)
		require.NoError(t, err)
		require.Len(t, steps, 5)

		_, err = s.doses.Begin(t.Context(), s.request(c, p))
		require.Contains(t, rules(t, err), dosing.DoseTaken)
		clk.add(24 * time.Hour)
		s.begin(t, c, p)
		s.verify(t)
	})
}

func TestRepeatedBeginFindsTheFirst(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, _, _ := aDay(t, url, 2)
		req := s.request(c, c.patients[0])
		first, err := s.doses.Begin(t.Context(), req)
		require.NoError(t, err)
		again, err := s.doses.Begin(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		require.Equal(t, 6*measure.Millilitre, s.balance(t, c)[stock.Reserved])
		req.Patient = c.patients[1].ID
		_, err = s.doses.Begin(t.Context(), req)
		require.True(t, fault.Is(err, fault.Invalid), "one id for two patients: %v", err)
		s.verify(t)
	})
}

// The end of a lease frees nobody; the counter's late word still counts.
func TestSilencePastTheLease(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 2)
		d := s.begin(t, c, c.patients[0])
		_, err := s.doses.Void(t.Context(), c.two(d))
		require.True(t, fault.Is(err, fault.Conflict), "void while the counter may be arming: %v", err)
		clk.add(time.Minute)
		require.NoError(t, s.doses.HoldExpired(t.Context(), c.clinic.ID))
		d, err = s.doses.Dispensing(t.Context(), c.clinic.ID, d.ID)
		require.NoError(t, err)
		require.Equal(t, dispensing.Held, d.State)
		_, err = s.doses.Begin(t.Context(), s.request(c, c.patients[0]))
		require.Contains(t, rules(t, err), dosing.DispensingOpen)
		other := s.begin(t, c, c.patients[1]) // the window itself is free again
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(d.ID), Reason: "lease"})
		k.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(other.ID), Reason: "no_cup"})
		require.Zero(t, s.balance(t, c)[stock.Reserved])
		s.begin(t, c, c.patients[0])
		s.verify(t)
	})
}

func TestDoubtIsResolvedByTwoPeople(t *testing.T) {
	resolve := map[string]struct {
		do   func(s services, c *smallClinic, d dispensing.Dispensing, t *testing.T) (dispensing.Dispensing, error)
		want dispensing.State
		book stock.Balance
	}{
		"the cup is weighed": {
			do: func(s services, c *smallClinic, d dispensing.Dispensing, t *testing.T) (dispensing.Dispensing, error) {
				o := poured(t, d.ID, 6*measure.Millilitre)
				return s.doses.ResolveMeasured(t.Context(), c.two(d), dispensing.Measurement{
					GrossBefore: o.GrossBefore, GrossAfter: o.GrossAfter, WeightKnown: true,
				})
			},
			want: dispensing.Measured,
			book: stock.Balance{stock.Reserved: 6000},
		},
		"the cup is thrown away": {
			do: func(s services, c *smallClinic, d dispensing.Dispensing, t *testing.T) (dispensing.Dispensing, error) {
				return s.doses.ResolveWasted(t.Context(), c.two(d), 2500)
			},
			want: dispensing.Wasted,
			book: stock.Balance{stock.Waste: 2500},
		},
		"nothing moved": {
			do: func(s services, c *smallClinic, d dispensing.Dispensing, t *testing.T) (dispensing.Dispensing, error) {
				return s.doses.Void(t.Context(), c.two(d))
			},
			want: dispensing.Voided,
			book: stock.Balance{},
		},
	}
	for name, tt := range resolve {
		t.Run(name, func(t *testing.T) {
			engines(t, func(t *testing.T, url string) {
				s, c, k, _ := aDay(t, url, 1)
				d := s.begin(t, c, c.patients[0])
				k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
				k.report(t, stationlog.KindInDoubt, stationlog.Outcome{Dispensing: string(d.ID), Pump: 2500, PumpKnown: true, Reason: "crash"})
				require.Equal(t, 6*measure.Millilitre, s.balance(t, c)[stock.InDoubt])
				alone := c.two(d)
				alone.Witness = alone.By
				_, err := s.doses.Void(t.Context(), alone)
				require.True(t, fault.Is(err, fault.Invalid), "nobody witnesses themself: %v", err)
				_, err = s.doses.Begin(t.Context(), s.request(c, c.patients[0]))
				require.Contains(t, rules(t, err), dosing.DispensingOpen)

				d, err = tt.do(s, c, d, t)
				require.NoError(t, err)
				require.Equal(t, tt.want, d.State)
				b := s.balance(t, c)
				for _, a := range []stock.Account{stock.Reserved, stock.InDoubt, stock.Waste, stock.Administered} {
					require.Equal(t, tt.book[a], b[a], a)
				}
				s.verify(t)
			})
		})
	}
}

// Facts may not be refused: a pour that two people had voided is booked and opens an incident.
func TestPourAfterVoidIsKept(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 1)
		d := s.begin(t, c, c.patients[0])
		clk.add(time.Minute)
		require.NoError(t, s.doses.HoldExpired(t.Context(), c.clinic.ID))
		_, err := s.doses.Void(t.Context(), c.two(d))
		require.NoError(t, err)
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
		k.report(t, stationlog.KindMeasured, poured(t, d.ID, 6*measure.Millilitre))
		d, err = s.doses.Dispensing(t.Context(), c.clinic.ID, d.ID)
		require.NoError(t, err)
		require.Equal(t, dispensing.Voided, d.State, "a terminal state never changes")
		b := s.balance(t, c)
		require.Equal(t, 6*measure.Millilitre, b[stock.InDoubt])
		require.Equal(t, measure.Litre-6*measure.Millilitre, b[stock.InBottle])
		s.verify(t)
	})
}

func TestDisagreementBlocksHandOver(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, _ := aDay(t, url, 1)
		d := s.begin(t, c, c.patients[0])
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
		o := poured(t, d.ID, 5*measure.Millilitre) // air in the tube: the pump counts full
		o.Pump = 6 * measure.Millilitre
		k.report(t, stationlog.KindMeasured, o)
		_, err := s.doses.HandOver(t.Context(), c.act(d), c.patients[0].ID)
		require.True(t, fault.Is(err, fault.Refused), "%v", err)
		_, err = s.doses.AcceptDeviation(t.Context(), c.two(d))
		require.NoError(t, err)
		_, err = s.doses.HandOver(t.Context(), c.act(d), c.patients[0].ID)
		require.NoError(t, err)
		d, err = s.doses.PartlyTaken(t.Context(), c.two(d), 1000)
		require.NoError(t, err)
		require.Equal(t, dispensing.PartlyTaken, d.State)
		b := s.balance(t, c)
		require.Equal(t, 4*measure.Millilitre, b[stock.Administered])
		require.Equal(t, 1*measure.Millilitre, b[stock.Waste])
		require.Equal(t, 995*measure.Millilitre, b[stock.InBottle])
		s.verify(t)
	})
}

func TestRecordsMustFollow(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, _ := aDay(t, url, 1)
		lost := k.sign(t, stationlog.KindScanned, stationlog.Scanned{Text: "x"})
		next := k.sign(t, stationlog.KindScanned, stationlog.Scanned{Text: "y"})
		_, err := s.doses.Report(t.Context(), c.station, []stationlog.Signed{next})
		require.True(t, fault.Is(err, fault.Conflict), "a gap: %v", err)
		forged := lost
		forged.Payload = append([]byte(nil), lost.Payload...)
		forged.Payload[len(forged.Payload)-3] ^= 1
		_, err = s.doses.Report(t.Context(), c.station, []stationlog.Signed{forged})
		require.True(t, fault.Is(err, fault.Invalid), "forged: %v", err)
		accepted, err := s.doses.Report(t.Context(), c.station, []stationlog.Signed{lost, next})
		require.NoError(t, err)
		require.Equal(t, k.seq, accepted)
		s.verify(t)
	})
}

// A counter that was only slow pours a held dispensing after the window began another one. Its word is kept, and while
// it pours nothing else is begun there.
func TestSlowCounterIsBelieved(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		s, c, k, clk := aDay(t, url, 3)
		slow := s.begin(t, c, c.patients[0])
		clk.add(time.Minute)
		require.NoError(t, s.doses.HoldExpired(t.Context(), c.clinic.ID))
		next := s.begin(t, c, c.patients[1])
		k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(slow.ID), Volume: slow.Volume})
		for _, d := range []dispensing.Dispensing{slow, next} {
			_, err := s.doses.Begin(t.Context(), s.request(c, c.patients[2]))
			require.Contains(t, rules(t, err), dosing.StationPouring)
			k.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
			k.report(t, stationlog.KindMeasured, poured(t, d.ID, 6*measure.Millilitre))
		}
		s.begin(t, c, c.patients[2])
		s.verify(t)
	})
}
