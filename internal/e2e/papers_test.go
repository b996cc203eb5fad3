package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/internal/calendar"
	"github.com/lieu-clinic/lieu/internal/dosing"
	"github.com/lieu-clinic/lieu/internal/fault"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/internal/reconcile"
	"github.com/lieu-clinic/lieu/internal/staff"
	"github.com/lieu-clinic/lieu/internal/stock"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

const bottleTare = 60 * measure.WeightGram

// unread is the reading of a bottle that was not weighed.
var unread = stock.Reading{Unread: "no scale for bottles"}

// storeRoom is a clinic with bottles of two lots beside the one at the window.
type storeRoom struct {
	services
	*smallClinic
	counter *counter
	clock   *clock
	later   stock.Lot // expires after the lot at the window
	bottles []stock.BottleID
}

func (r *storeRoom) act(reason string) stock.Act {
	return stock.Act{Clinic: r.clinic.ID, ID: id.New[stock.DocumentID](), Pair: staff.Pair{By: r.pharmacist, Witness: r.nurse}, Reason: reason}
}

func aStoreRoom(t *testing.T, url string, sealed int) *storeRoom {
	t.Helper()
	s, c, k, clk := aDay(t, url, 2)
	r := &storeRoom{services: s, smallClinic: c, counter: k, clock: clk}
	var err error
	r.later, err = s.stock.AddLot(t.Context(), c.pharmacist, stock.Lot{
		ID: id.New[stock.LotID](), Clinic: c.clinic.ID, Product: c.lot.Product, Number: "B-0007", Expiry: c.lot.Expiry.AddDays(60),
	})
	require.NoError(t, err)
	_, err = s.stock.SetDensity(t.Context(), c.clinic.ID, c.pharmacist, r.later.ID, density, 200)
	require.NoError(t, err)
	for _, lot := range []stock.LotID{c.lot.ID, r.later.ID} {
		r.receive(t, lot, sealed)
	}
	return r
}

func (r *storeRoom) receive(t testing.TB, lot stock.LotID, n int) {
	t.Helper()
	d := stock.Delivery{Act: r.act(""), Lot: lot, Party: "Kho tỉnh", Number: "BB-2", Copies: 3}
	for range n {
		d.Bottles = append(d.Bottles, stock.Delivered{ID: id.New[stock.BottleID](), Label: measure.Litre, Tare: bottleTare})
	}
	_, got, err := r.stock.Receive(t.Context(), d)
	require.NoError(t, err)
	for _, b := range got {
		r.bottles = append(r.bottles, b.ID)
	}
}

func key(t testing.TB, err error) string {
	t.Helper()
	var f *fault.Error
	require.True(t, errors.As(err, &f), "%v", err)
	return f.Key
}

// Whatever papers, doses, counts and reversals are made, in whatever order, every lot conserves to the microlitre, its
// balance is the sum of its moves, and the record checks out.
func TestAnyPapersConserve(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 3)
		r.bottles = append(r.bottles, r.bottle.ID)
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 10).Draw(rt, "steps") {
				if err := r.anything(rt, t); fault.Is(err, fault.Internal) {
					rt.Fatalf("internal: %v", err)
				}
			}
			r.conserved(rt, t)
		})
		r.verify(t)
	})
}

func (r *storeRoom) anything(rt *rapid.T, t *testing.T) (err error) {
	ctx := t.Context()
	pick := func(name string) stock.BottleID { return rapid.SampledFrom(r.bottles).Draw(rt, name) }
	v := measure.Volume(rapid.Int64Range(1, 1_100_000).Draw(rt, "volume"))
	if rapid.Bool().Draw(rt, "little") {
		v = v%5000 + 1
	}
	places := []stock.Place{stock.PlaceStore, stock.PlaceCabinet, stock.PlaceAway}
	a := r.act("as found")
	posting := func() stock.Posting {
		return stock.Posting{Act: a, Bottle: pick("bottle"), Amount: v, Reading: r.anyReading(rt)}
	}
	if rapid.Bool().Draw(rt, "supervisor") {
		a.Witness = r.supervisor
	}
	switch rapid.SampledFrom([]string{
		"receive", "open", "open", "transfer", "transfer", "consolidate", "consolidate", "waste", "purge", "loss", "surplus", "return",
		"destroy waste", "reverse", "reverse", "reverse", "quarantine", "release", "release", "break", "destroy", "minutes", "change",
		"count", "count", "count", "dose", "dose", "draft", "empty",
	}).Draw(rt, "what") {
	case "receive":
		if len(r.bottles) < 60 {
			r.receive(t, rapid.SampledFrom([]stock.LotID{r.lot.ID, r.later.ID}).Draw(rt, "lot"), 1)
		}
	case "open":
		gross, werr := density.Weight(measure.Litre + measure.Volume(rapid.Int64Range(-9000, 9000).Draw(rt, "overage")))
		require.NoError(t, werr)
		_, err = r.stock.Open(ctx, stock.BottleOpening{Act: a, Bottle: pick("bottle"), Reading: stock.Reading{Gross: gross + bottleTare}})
	case "transfer":
		_, err = r.stock.Transfer(ctx, stock.BottleTransfer{
			Act: a, Bottles: []stock.BottleID{pick("bottle")}, From: rapid.SampledFrom(places).Draw(rt, "from"),
			To: rapid.SampledFrom(places).Draw(rt, "to"), Party: "Điểm cấp phát số 2",
		})
	case "consolidate":
		_, err = r.stock.Consolidate(ctx, stock.Consolidation{Act: a, From: pick("from"), Into: pick("into"), Amount: v})
	case "waste":
		_, err = r.stock.Waste(ctx, posting())
	case "purge":
		_, err = r.stock.Purge(ctx, posting())
	case "loss":
		_, err = r.stock.ReportLoss(ctx, posting())
	case "surplus":
		_, err = r.stock.ReportSurplus(ctx, posting())
	case "return":
		_, err = r.stock.ReturnToSupplier(ctx, posting())
	case "destroy waste":
		_, err = r.stock.DestroyWaste(ctx, posting(), rapid.SampledFrom([]stock.Account{stock.Waste, stock.Purge}).Draw(rt, "account"))
	case "reverse":
		moves, merr := r.stock.Moves(ctx, stock.MoveFilter{Clinic: r.clinic.ID, Bottle: pick("bottle"), Limit: 20})
		require.NoError(t, merr)
		if len(moves) > 0 {
			_, err = r.stock.Reverse(ctx, a, rapid.SampledFrom(moves).Draw(rt, "move").ID)
		}
	case "quarantine":
		_, err = r.stock.QuarantineBottle(ctx, r.clinic.ID, r.pharmacist, pick("bottle"), "as found")
	case "release":
		_, err = r.stock.ReleaseBottle(ctx, r.clinic.ID, a.Pair, pick("bottle"), "as found")
	case "break":
		_, err = r.stock.Broken(ctx, a, pick("bottle"))
	case "destroy":
		_, err = r.stock.Destroy(ctx, stock.Ending{Act: a, Bottle: pick("bottle"), Reading: r.anyReading(rt)})
	case "minutes":
		_, err = r.stock.WriteMinutes(ctx, stock.Minutes{Act: a, Bottles: []stock.BottleID{pick("bottle")}})
	case "change":
		_, err = r.stock.ChangeBottle(ctx, stock.BottleChange{Act: a, Station: string(r.station.ID), In: pick("bottle")})
	case "empty":
		_, err = r.stock.Empty(ctx, stock.Ending{Act: a, Bottle: pick("bottle"), Reading: r.anyReading(rt), Tare: bottleTare})
	case "count":
		err = r.anyCount(rt, t)
	case "dose":
		r.clock.add(13 * time.Hour)
		d, derr := r.doses.Begin(ctx, r.request(r.smallClinic, rapid.SampledFrom(r.smallClinic.patients).Draw(rt, "patient")))
		if err = derr; err == nil {
			r.counter.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
			r.counter.report(t, stationlog.KindMeasured, poured(t, d.ID, d.Volume+measure.Volume(rapid.Int64Range(-40, 40).Draw(rt, "off"))))
			if rapid.Bool().Draw(rt, "wasted") {
				_, err = r.doses.Wasted(ctx, r.two(d))
			} else if _, err = r.doses.HandOver(ctx, r.smallClinic.act(d), d.Patient); err == nil {
				_, err = r.doses.Taken(ctx, r.smallClinic.act(d))
			}
		}
	case "draft":
		err = r.draft(rt, t, stock.Paper{Bottle: pick("bottle"), Into: pick("into"), Amount: v, Account: stock.Waste, Unread: "as found"})
	}
	return err
}

// anyReading is a weight, a volume, a reason or nothing.
func (r *storeRoom) anyReading(rt *rapid.T) stock.Reading {
	v := measure.Volume(rapid.Int64Range(0, 1_050_000).Draw(rt, "read"))
	if rapid.Bool().Draw(rt, "dregs") {
		v %= 20_000
	}
	gross, err := density.Weight(v)
	if err != nil {
		rt.Fatal(err)
	}
	switch rapid.SampledFrom([]string{"weighed", "weighed", "measured", "unread", "nothing"}).Draw(rt, "reading") {
	case "weighed":
		return stock.Reading{Gross: gross + bottleTare}
	case "measured":
		return stock.Reading{Found: &v, Unread: "no scale for bottles"}
	case "unread":
		return unread
	}
	return stock.Reading{}
}

func (r *storeRoom) draft(rt *rapid.T, t *testing.T, p stock.Paper) error {
	d, err := r.stock.SaveDraft(t.Context(), r.pharmacist, stock.Draft{
		ID: id.New[stock.DocumentID](), Clinic: r.clinic.ID, Paper: p, Reason: "as found",
		Kind: rapid.SampledFrom([]stock.DocumentKind{stock.Wasting, stock.Purging, stock.LossReport, stock.SurplusFound, stock.Consolidate, stock.Destroying}).Draw(rt, "kind"),
	})
	if err != nil {
		return err
	}
	if _, err := r.stock.SignDraft(t.Context(), r.clinic.ID, r.pharmacist, d.ID); err != nil {
		return err
	}
	for range rapid.IntRange(1, 2).Draw(rt, "times") {
		if _, err = r.stock.PostDraft(t.Context(), r.clinic.ID, staff.Pair{By: r.pharmacist, Witness: r.supervisor}, d.ID); err != nil {
			return err
		}
	}
	return nil
}

// anyCount counts the store, each of two people with what they please, and settles what was found.
func (r *storeRoom) anyCount(rt *rapid.T, t *testing.T) error {
	n, err := r.stock.StartCount(t.Context(), r.clinic.ID, r.pharmacist, id.New[stock.CountID]())
	if err != nil {
		return err
	}
	off := measure.Volume(rapid.Int64Range(-4000, 4000).Draw(rt, "off"))
	for i, by := range []staff.Member{r.pharmacist, r.nurse} {
		apart := measure.Volume(rapid.Int64Range(-1200, 1200).Draw(rt, "apart")) * measure.Volume(i)
		var form []stock.Line
		for _, key := range n.Bottles {
			b, err := r.stock.Bottle(t.Context(), r.clinic.ID, key)
			require.NoError(t, err)
			l := stock.Line{Bottle: key, Method: stock.ByVolume, Volume: max(0, min(measure.Litre, b.Balance[stock.Store]+b.Balance[stock.InBottle]+off+apart))}
			if b.OpenedAt.IsZero() && rapid.Bool().Draw(rt, "sealed") {
				l = stock.Line{Bottle: key, Method: stock.SealIntact}
			}
			form = append(form, l)
		}
		if n, err = r.stock.Enter(t.Context(), r.clinic.ID, by, n.ID, form); err != nil {
			return err
		}
	}
	if n.State != stock.Counted {
		return nil
	}
	_, err = r.stock.Settle(t.Context(), stock.Settlement{
		Clinic: r.clinic.ID, Count: n.ID, Pair: staff.Pair{By: r.pharmacist, Witness: r.supervisor}, Reason: "searched, not found",
	})
	return err
}

// conserved adds up every lot again from its moves and holds it against its balance.
func (r *storeRoom) conserved(rt *rapid.T, t *testing.T) {
	balances, err := r.stock.LotBalances(t.Context(), r.clinic.ID)
	require.NoError(t, err)
	for lot, have := range balances {
		if have.Sum() != 0 {
			rt.Fatalf("lot %s adds up to %s", lot, have.Sum())
		}
		var before stock.MoveID
		for {
			page, err := r.stock.Moves(t.Context(), stock.MoveFilter{Clinic: r.clinic.ID, Lot: lot, Before: before, Limit: stock.MaxPage})
			require.NoError(t, err)
			for _, m := range page {
				have[m.From] += m.Amount
				have[m.To] -= m.Amount
				before = m.ID
			}
			if len(page) < stock.MaxPage {
				break
			}
		}
		for account, left := range have {
			if left != 0 {
				rt.Fatalf("lot %s has %s on %s that no move explains", lot, left, account)
			}
		}
	}
}

// A shift from its opening count to its close: blind, by two people, with a loss and a surplus that never meet.
func TestCounterSession(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c := t.Context(), r.clinic.ID
		set := stock.DefaultSetting
		set.CountGate = true
		_, err := r.stock.PutSetting(ctx, c, staff.Pair{By: r.pharmacist, Witness: r.nurse}, set)
		require.NoError(t, err)
		_, err = r.doses.Begin(ctx, r.request(r.smallClinic, r.smallClinic.patients[0]))
		require.Contains(t, rules(t, err), dosing.CounterNotOpen)

		// A second bottle stands in the cabinet, opened and short of 12 mL.
		spare := r.bottles[0]
		_, err = r.stock.Open(ctx, stock.BottleOpening{Act: r.act(""), Bottle: spare, Reading: unread})
		require.NoError(t, err)
		start := stock.SessionStart{
			Clinic: c, ID: id.New[stock.SessionID](), Count: id.New[stock.CountID](), Station: string(r.station.ID), Shift: 1, By: r.nurse,
		}
		ses, err := r.stock.StartSession(ctx, start)
		require.NoError(t, err)
		require.Equal(t, stock.OpeningCount, ses.State)
		_, err = r.stock.StartSession(ctx, start)
		require.NoError(t, err, "a repeated start finds the session")
		other := start
		other.ID, other.Count, other.Shift = id.New[stock.SessionID](), id.New[stock.CountID](), 2
		_, err = r.stock.StartSession(ctx, other)
		require.Equal(t, "session.open_already", key(t, err))

		n, _, err := r.stock.Count(ctx, c, start.Count)
		require.NoError(t, err)
		require.ElementsMatch(t, []stock.BottleID{r.bottle.ID, spare}, n.Bottles)
		gross := func(v measure.Volume) measure.Weight {
			w, err := density.Weight(v)
			require.NoError(t, err)
			return w + bottleTare
		}
		form := func(at, spareHas measure.Volume) []stock.Line {
			return []stock.Line{
				{Bottle: r.bottle.ID, Method: stock.ByVolume, Volume: at},
				{Bottle: spare, Method: stock.ByWeight, Gross: gross(spareHas)},
			}
		}
		n, err = r.stock.Enter(ctx, c, r.nurse, n.ID, form(measure.Litre+5000, measure.Litre-12_000))
		require.NoError(t, err)
		_, seen, err := r.stock.Count(ctx, c, n.ID)
		require.NoError(t, err)
		for _, e := range seen {
			require.Zero(t, e.Book+e.Counted+measure.Volume(e.Gross), "the form of the other is hidden")
		}
		_, err = r.stock.Enter(ctx, c, r.nurse, n.ID, form(measure.Litre, measure.Litre))
		require.Equal(t, "witness.same", key(t, err), "one person is not two")
		n, err = r.stock.Enter(ctx, c, r.pharmacist, n.ID, form(measure.Litre, measure.Litre-12_000))
		require.NoError(t, err)
		require.Equal(t, stock.Disagreed, n.State, "5 mL apart")

		again := id.New[stock.CountID]()
		_, err = r.stock.CountAgain(ctx, c, r.nurse, ses.ID, again)
		require.NoError(t, err)
		for _, by := range []staff.Member{r.nurse, r.pharmacist} {
			n, err = r.stock.Enter(ctx, c, by, again, form(measure.Litre+5000, measure.Litre-12_000))
			require.NoError(t, err)
		}
		require.Equal(t, stock.Counted, n.State)
		settle := stock.Settlement{
			Clinic: c, Count: again, Pair: staff.Pair{By: r.pharmacist, Witness: r.nurse}, Reason: "searched the tray and the sink",
			Stated: []stock.Stated{{Bottle: spare, Cause: "spill", Amount: 2000}},
		}
		_, err = r.stock.Settle(ctx, settle)
		require.Equal(t, "count.needs_review", key(t, err))
		settle.Witness = r.supervisor
		n, err = r.stock.Settle(ctx, settle)
		require.NoError(t, err)
		require.Equal(t, stock.Settled, n.State)
		_, err = r.stock.Settle(ctx, settle)
		require.NoError(t, err)

		found, series, _, err := r.stock.Variances(ctx, stock.VarianceFilter{Clinic: c, Session: ses.ID}, stock.ByLot)
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.Len(t, series, 1)
		require.EqualValues(t, 12_000, series[0].Sums.Loss)
		require.EqualValues(t, 5_000, series[0].Sums.Surplus, "never netted")
		for _, v := range found {
			require.NotEmpty(t, v.Document)
			if v.Bottle == spare {
				require.EqualValues(t, -120_000, v.Diff.Mass)
				require.Len(t, v.Parts, 2)
				require.EqualValues(t, -2000, v.Parts[0].Amount)
				require.Equal(t, "unexplained", string(v.Parts[1].Cause))
				require.NotZero(t, v.Began)
			}
		}
		b, err := r.stock.Bottle(ctx, c, spare)
		require.NoError(t, err)
		require.EqualValues(t, 12_000, b.Balance[stock.Loss])
		require.Zero(t, b.Balance[stock.Surplus])
		weights, err := r.stock.Weights(ctx, c, spare)
		require.NoError(t, err)
		require.Len(t, weights, 4, "two people, two counts")

		d := r.begin(t, r.smallClinic, r.smallClinic.patients[0])
		closing := id.New[stock.CountID]()
		_, err = r.stock.CloseSession(ctx, c, settle.Pair, ses.ID)
		require.Equal(t, "session.state", key(t, err))
		_, err = r.stock.CountAgain(ctx, c, r.nurse, ses.ID, closing)
		require.NoError(t, err)
		_, err = r.stock.Enter(ctx, c, r.nurse, closing, form(measure.Litre, measure.Litre-12_000))
		require.Equal(t, "bottle.unsettled", key(t, err), "a dose is under way")
		r.counter.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(d.ID), Reason: "no_cup"})
		for _, by := range []staff.Member{r.nurse, r.pharmacist} {
			n, err = r.stock.Enter(ctx, c, by, closing, form(measure.Litre+5000, measure.Litre-12_000))
			require.NoError(t, err)
		}
		require.Equal(t, stock.Settled, n.State, "nothing differs: settled at once")
		_, err = r.stock.CloseSession(ctx, c, staff.Pair{By: r.nurse, Witness: r.nurse}, ses.ID)
		require.Equal(t, "witness.same", key(t, err))
		ses, err = r.stock.CloseSession(ctx, c, staff.Pair{By: r.nurse, Witness: r.pharmacist}, ses.ID)
		require.NoError(t, err)
		require.Equal(t, stock.Closed, ses.State)
		_, err = r.doses.Begin(ctx, r.request(r.smallClinic, r.smallClinic.patients[0]))
		require.Contains(t, rules(t, err), dosing.CounterNotOpen)

		// The next day, somebody remembers a spill of the closed one.
		spilled := calendar.At(r.clock.now())
		r.clock.add(24 * time.Hour)
		spill := stock.Posting{Act: r.act("spilled at the sink"), Bottle: spare, Amount: 1000}
		spill.Occurred, spill.Witness = spilled, r.supervisor
		_, err = r.stock.Waste(ctx, spill)
		require.Equal(t, "day.closed", key(t, err))
		incidents := r.incidents(t)
		spill.Late = true
		_, err = r.stock.Waste(ctx, spill)
		require.NoError(t, err)
		require.Equal(t, incidents+1, r.incidents(t), "what happened is recorded, with an incident")
		_, err = r.stock.Waste(ctx, spill)
		require.NoError(t, err)
		require.Equal(t, incidents+1, r.incidents(t), "once")
		r.verify(t)
	})
}

func (s services) incidentsOf(t testing.TB, c *smallClinic) int {
	t.Helper()
	all, err := s.store.Records().Incidents(t.Context(), c.clinic.ID, "", 500)
	require.NoError(t, err)
	return len(all)
}

func (r *storeRoom) incidents(t testing.TB) int { return r.incidentsOf(t, r.smallClinic) }

// What a count found is written once: a count that another one of the same bottle overtook is counted again.
func TestAnOvertakenCountWritesNothing(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c := t.Context(), r.clinic.ID
		pair := staff.Pair{By: r.pharmacist, Witness: r.supervisor}
		short := func() stock.CountID {
			n, err := r.stock.StartCount(ctx, c, r.pharmacist, id.New[stock.CountID]())
			require.NoError(t, err)
			for _, by := range []staff.Member{r.pharmacist, r.nurse} {
				var form []stock.Line
				for _, b := range n.Bottles {
					form = append(form, stock.Line{Bottle: b, Method: stock.ByVolume, Volume: measure.Litre - 3000})
				}
				_, err = r.stock.Enter(ctx, c, by, n.ID, form)
				require.NoError(t, err)
				r.clock.add(time.Second)
			}
			return n.ID
		}
		first, second := short(), short()
		n, err := r.stock.Settle(ctx, stock.Settlement{Clinic: c, Count: first, Pair: pair, Reason: "searched"})
		require.NoError(t, err)
		require.Equal(t, stock.Settled, n.State)
		n, err = r.stock.Settle(ctx, stock.Settlement{Clinic: c, Count: second, Pair: pair, Reason: "searched"})
		require.NoError(t, err)
		require.Equal(t, stock.Disagreed, n.State)
		b, err := r.stock.Bottle(ctx, c, r.bottles[0])
		require.NoError(t, err)
		require.EqualValues(t, 3000, b.Balance[stock.Loss], "once")
		r.verify(t)
	})
}

func TestSessionOpenPastMidnightIsAnAlarmOnce(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ses, err := r.stock.StartSession(t.Context(), stock.SessionStart{
			Clinic: r.clinic.ID, ID: id.New[stock.SessionID](), Count: id.New[stock.CountID](), Station: string(r.station.ID), Shift: 1, By: r.nurse,
		})
		require.NoError(t, err)
		was := r.incidents(t)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{16 * time.Hour, 0}, {12 * time.Hour, 1}, {time.Hour, 0}} {
			r.clock.add(step.after)
			n, err := r.stock.WatchSessions(t.Context(), r.clinic.ID)
			require.NoError(t, err)
			require.Equal(t, step.want, n, "after %s more", step.after)
		}
		require.Equal(t, was+1, r.incidents(t))
		ses, err = r.stock.Session(t.Context(), r.clinic.ID, ses.ID)
		require.NoError(t, err)
		require.NotZero(t, ses.AlarmedAt)
		r.verify(t)
	})
}

// Bad papers are refused with their reason, and nothing changes.
func TestBadPapersChangeNothing(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 2)
		ctx, c := t.Context(), r.clinic.ID
		early, late := r.bottles[0], r.bottles[2]
		today, err := r.clinics.Today(ctx, c)
		require.NoError(t, err)
		old, err := r.stock.AddLot(ctx, r.pharmacist, stock.Lot{
			ID: id.New[stock.LotID](), Clinic: c, Product: r.lot.Product, Number: "OLD", Expiry: today.AddDays(-1),
		})
		require.NoError(t, err)
		open := func(a stock.Act, b stock.BottleID) error {
			_, err := r.stock.Open(ctx, stock.BottleOpening{Act: a, Bottle: b, Reading: unread})
			return err
		}
		deliver := func(lot stock.LotID, in stock.Delivered) error {
			in.ID, in.Label = id.New[stock.BottleID](), measure.Litre
			_, _, err := r.stock.Receive(ctx, stock.Delivery{Act: r.act(""), Lot: lot, Party: "Kho tỉnh", Bottles: []stock.Delivered{in}})
			return err
		}
		transfer := func(from, to stock.Place, bottles ...stock.BottleID) error {
			_, err := r.stock.Transfer(ctx, stock.BottleTransfer{Act: r.act(""), From: from, To: to, Bottles: bottles, Party: "Điểm 2"})
			return err
		}
		alone := r.act("alone")
		alone.Witness = alone.By
		for name, tc := range map[string]struct {
			do  func() error
			key string
		}{
			"an expired lot":               {func() error { return deliver(old.ID, stock.Delivered{}) }, "lot.expired"},
			"an unreadable code":           {func() error { return deliver(r.lot.ID, stock.Delivered{Scanned: "]C1nonsense"}) }, "scan.unreadable"},
			"a code of another lot":        {func() error { return deliver(r.lot.ID, stock.Delivered{Scanned: "]d20108936000000011" + "10" + "Z-9"}) }, "scan.other_lot"},
			"a spill with no supervisor":   {func() error { return waste(ctx, r, 1000) }, "waste.needs_supervisor"},
			"not the first to expire":      {func() error { return open(r.act(""), late) }, "bottle.not_first_expiry"},
			"one person as two":            {func() error { return open(alone, early) }, "witness.same"},
			"from where it is not":         {func() error { return transfer(stock.PlaceCabinet, stock.PlaceStore, early) }, "bottle.place"},
			"from nowhere":                 {func() error { return transfer(stock.PlaceAway, stock.PlaceStore, early) }, "transfer.places"},
			"one bottle twice":             {func() error { return transfer(stock.PlaceStore, stock.PlaceCabinet, early, early) }, "document.bottles"},
			"more bottles than there are":  {func() error { return transfer(stock.PlaceStore, stock.PlaceCabinet, early, r.bottle.ID) }, "bottle.place"},
			"the bottle at the pump":       {func() error { return transfer(stock.PlaceCabinet, stock.PlaceStore, r.bottle.ID) }, "bottle.mounted"},
			"a sealed bottle under a pump": {func() error { return change(ctx, r, early) }, "bottle.state"},
			"the bottle that stands there": {func() error { return change(ctx, r, r.bottle.ID) }, "bottle.mounted"},
			"two lots into one bottle":     {func() error { return join(ctx, r, r.bottle.ID, late, 1000) }, "consolidate.lots"},
			"into a sealed one":            {func() error { return join(ctx, r, r.bottle.ID, early, 1000) }, "bottle.state"},
			"a bottle into itself":         {func() error { return join(ctx, r, r.bottle.ID, r.bottle.ID, 1000) }, "document.bottles"},
			"a count of nobody's form":     {func() error { return enter(ctx, r, stock.Line{}) }, "count.lines"},
			"a weight called a volume":     {func() error { return enter(ctx, r, stock.Line{Method: stock.ByVolume, Gross: 5}) }, "count.unit"},
			"millilitres as microlitres":   {func() error { return enter(ctx, r, stock.Line{Method: stock.ByVolume, Volume: 1000 * measure.Litre}) }, "count.implausible"},
			"less than the empty bottle":   {func() error { return enter(ctx, r, stock.Line{Method: stock.ByWeight, Gross: 1}) }, "count.implausible"},
			"a settlement of no count":     {func() error { return settleNothing(ctx, r) }, "count.not_found"},
			"a draft of no kind":           {func() error { return save(ctx, r, stock.Quarantining) }, "draft.kind"},
			"an act in the future": {func() error {
				a := r.act("")
				a.Occurred = calendar.At(r.clock.now().Add(time.Hour))
				return open(a, early)
			}, "document.occurred"},
		} {
			t.Run(name, func(t *testing.T) {
				before, err := r.stock.LotBalances(ctx, c)
				require.NoError(t, err)
				require.Equal(t, tc.key, key(t, tc.do()))
				after, err := r.stock.LotBalances(ctx, c)
				require.NoError(t, err)
				require.Equal(t, before, after)
			})
		}
		require.NoError(t, deliver(old.ID, stock.Delivered{Finding: "expired when it came"}), "what stands here is taken in")
		require.NoError(t, open(r.act("the earlier one is leaking"), late), "passed over with a reason")
		r.verify(t)
	})
}

func change(ctx context.Context, r *storeRoom, b stock.BottleID) error {
	_, err := r.stock.ChangeBottle(ctx, stock.BottleChange{Act: r.act(""), Station: string(r.station.ID), In: b})
	return err
}

func waste(ctx context.Context, r *storeRoom, v measure.Volume) error {
	_, err := r.stock.Waste(ctx, stock.Posting{Act: r.act("spilled"), Bottle: r.bottle.ID, Amount: v})
	return err
}

func join(ctx context.Context, r *storeRoom, from, into stock.BottleID, v measure.Volume) error {
	_, err := r.stock.Consolidate(ctx, stock.Consolidation{Act: r.act("rest"), From: from, Into: into, Amount: v})
	return err
}

func save(ctx context.Context, r *storeRoom, k stock.DocumentKind) error {
	_, err := r.stock.SaveDraft(ctx, r.pharmacist, stock.Draft{ID: id.New[stock.DocumentID](), Clinic: r.clinic.ID, Kind: k})
	return err
}

func settleNothing(ctx context.Context, r *storeRoom) error {
	_, err := r.stock.Settle(ctx, stock.Settlement{
		Clinic: r.clinic.ID, Count: id.New[stock.CountID](), Pair: staff.Pair{By: r.pharmacist, Witness: r.nurse}, Reason: "none",
	})
	return err
}

// enter begins a count of the store and enters a form whose first line is spoiled.
func enter(ctx context.Context, r *storeRoom, spoiled stock.Line) error {
	n, err := r.stock.StartCount(ctx, r.clinic.ID, r.pharmacist, id.New[stock.CountID]())
	if err != nil {
		return err
	}
	var form []stock.Line
	for i, b := range n.Bottles {
		l := stock.Line{Bottle: b, Method: stock.SealIntact}
		if i == 0 {
			spoiled.Bottle = b
			if l = spoiled; spoiled.Method == "" {
				continue
			}
		}
		form = append(form, l)
	}
	_, err = r.stock.Enter(ctx, r.clinic.ID, r.pharmacist, n.ID, form)
	return err
}

// From a lot to its patients and back; a recall stops the bottle under the pump at once.
func TestALotIsTracedAndRecalled(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c := t.Context(), r.clinic.ID
		d := r.begin(t, r.smallClinic, r.smallClinic.patients[0])
		r.counter.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
		r.counter.report(t, stationlog.KindMeasured, poured(t, d.ID, d.Volume))
		_, err := r.doses.HandOver(ctx, r.smallClinic.act(d), d.Patient)
		require.NoError(t, err)
		_, err = r.doses.Taken(ctx, r.smallClinic.act(d))
		require.NoError(t, err)

		trace, err := r.stock.Trace(ctx, c, r.pharmacist, r.lot.ID)
		require.NoError(t, err)
		require.Len(t, trace.Bottles, 2)
		require.Len(t, trace.Doses, 1)
		require.Equal(t, string(d.Patient), trace.Doses[0].Patient)
		require.Equal(t, d.Volume, trace.Doses[0].Measured)
		var administered measure.Volume
		for _, m := range trace.Moves {
			if m.To == stock.Administered {
				administered += m.Amount
			}
		}
		require.Equal(t, d.Volume, administered)
		back, err := r.stock.PatientLots(ctx, c, r.pharmacist, string(d.Patient))
		require.NoError(t, err)
		require.Equal(t, trace.Doses, back)
		_, err = r.stock.Trace(ctx, c, r.nurse, r.lot.ID)
		require.Equal(t, "staff.may_not", key(t, err), "a nurse does not read who took a lot")

		r.clock.add(24 * time.Hour)
		forecasts, err := r.stock.Forecasts(ctx, c)
		require.NoError(t, err)
		require.Len(t, forecasts, 1)
		require.Equal(t, d.Volume, forecasts[0].PerDay)
		require.Equal(t, 1, forecasts[0].DaysBasis)

		_, err = r.stock.SetLotState(ctx, stock.LotChange{
			Clinic: c, Lot: r.lot.ID, To: stock.LotRecalled, Pair: staff.Pair{By: r.pharmacist}, Reason: "the maker's letter",
		})
		require.NoError(t, err)
		_, err = r.doses.Begin(ctx, r.request(r.smallClinic, r.smallClinic.patients[0]))
		require.Contains(t, rules(t, err), dosing.LotRecalled)
		require.Contains(t, rules(t, err), dosing.BottleNotInUse)
		docs, err := r.stock.Documents(ctx, stock.DocumentFilter{Clinic: c, Kinds: []stock.DocumentKind{stock.Recalling}})
		require.NoError(t, err)
		require.Len(t, docs, 1)
		r.verify(t)
	})
}

// What a pump moved beyond what the scale booked explains a loss, since the first dose that did so.
func TestDriftExplainsALoss(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c := t.Context(), r.clinic.ID
		d := r.begin(t, r.smallClinic, r.smallClinic.patients[0])
		o := poured(t, d.ID, d.Volume)
		o.Pump = d.Volume + 90
		r.counter.report(t, stationlog.KindDispensing, stationlog.Dispensing{Dispensing: string(d.ID), Volume: d.Volume})
		r.counter.report(t, stationlog.KindMeasured, o)
		d, err := r.doses.HandOver(ctx, r.smallClinic.act(d), d.Patient)
		require.NoError(t, err)
		_, err = r.doses.Taken(ctx, r.smallClinic.act(d))
		require.NoError(t, err)

		count := id.New[stock.CountID]()
		_, err = r.stock.StartSession(ctx, stock.SessionStart{
			Clinic: c, ID: id.New[stock.SessionID](), Count: count, Station: string(r.station.ID), Shift: 1, By: r.nurse,
		})
		require.NoError(t, err)
		for _, by := range []staff.Member{r.nurse, r.pharmacist} {
			_, err = r.stock.Enter(ctx, c, by, count, []stock.Line{{Bottle: r.bottle.ID, Method: stock.ByVolume, Volume: measure.Litre - d.Volume - 150}})
			require.NoError(t, err)
		}
		_, err = r.stock.Settle(ctx, stock.Settlement{
			Clinic: c, Count: count, Pair: staff.Pair{By: r.pharmacist, Witness: r.nurse}, Reason: "nothing else was found",
		})
		require.NoError(t, err, "below the review level two people of the counter are enough")
		found, _, _, err := r.stock.Variances(ctx, stock.VarianceFilter{Clinic: c}, stock.ByCounter)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, []reconcile.Part{
			{Cause: reconcile.Drift, Amount: -90, Since: found[0].Parts[0].Since}, {Cause: reconcile.Unexplained, Amount: -60, Since: found[0].Parts[1].Since},
		}, found[0].Parts)
		require.Equal(t, d.Recorded, found[0].Parts[0].Since)
		require.False(t, found[0].Review)
		require.NotEmpty(t, found[0].Document, "however small, it is written")
		r.verify(t)
	})
}

// A bottle ends with its rest weighed. What is missing is charted for the counter that had the bottle, beside what two
// people told of without a count; what stands in a bottle that had ended is recorded all the same.
func TestABottleEndsWithItsRestWeighed(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c, spare := t.Context(), r.clinic.ID, r.bottles[0]
		full, err := density.Weight(measure.Litre)
		require.NoError(t, err)
		opened, err := r.stock.Open(ctx, stock.BottleOpening{Act: r.act(""), Bottle: spare, Reading: stock.Reading{Gross: bottleTare + full + 2*measure.WeightGram}})
		require.NoError(t, err)
		over := -opened.Balance[stock.Surplus]
		require.Positive(t, over)
		found, err := r.stock.Documents(ctx, stock.DocumentFilter{Clinic: c, Kinds: []stock.DocumentKind{stock.SurplusFound}})
		require.NoError(t, err)
		require.Len(t, found, 1, "what the maker filled beyond the label has a paper of its own")

		loss := stock.Posting{Act: r.act("told by the nurse"), Bottle: spare, Amount: 3000}
		_, err = r.stock.ReportLoss(ctx, loss)
		require.NoError(t, err)
		end := stock.Ending{Act: r.act("the last of it"), Bottle: spare, Reading: stock.Reading{Gross: bottleTare + full - 20*measure.WeightGram}, Tare: bottleTare}
		_, err = r.stock.Empty(ctx, end)
		require.Equal(t, "count.needs_review", key(t, err), "nearly 20 mL")
		end.Witness = r.supervisor
		for range 2 {
			b, err := r.stock.Empty(ctx, end)
			require.NoError(t, err)
			require.Equal(t, stock.Empty, b.State)
		}
		b, err := r.stock.Bottle(ctx, c, spare)
		require.NoError(t, err)
		require.Zero(t, b.Balance[stock.InBottle])
		require.Equal(t, measure.Litre+over, b.Balance[stock.Waste]+b.Balance[stock.Loss])
		variances, _, _, err := r.stock.Variances(ctx, stock.VarianceFilter{Clinic: c, Bottle: spare}, stock.ByPerson)
		require.NoError(t, err)
		require.Len(t, variances, 2)
		require.EqualValues(t, -3000, variances[0].Diff.Volume)
		require.Equal(t, loss.ID, variances[0].Document)
		require.NotEqual(t, end.ID, variances[1].Document)
		require.NotZero(t, variances[1].Began)
		weights, err := r.stock.Weights(ctx, c, spare)
		require.NoError(t, err)
		require.Len(t, weights, 3, "when it was opened, with its rest, and rinsed")

		was := r.incidents(t)
		b, err = r.stock.ReportSurplus(ctx, stock.Posting{Act: r.act("it was not drained"), Bottle: spare, Amount: 500})
		require.NoError(t, err)
		require.Equal(t, stock.Quarantined, b.State)
		require.Equal(t, was+1, r.incidents(t))

		// A bottle that ends at the pump does not stay there.
		_, err = r.stock.Broken(ctx, r.act("it fell"), r.bottle.ID)
		require.NoError(t, err)
		st, err := r.equipment.Station(ctx, c, r.station.ID)
		require.NoError(t, err)
		require.Empty(t, st.Bottle)
		r.verify(t)
	})
}

// A bottle that was sent away and is here again stands in the store, in quarantine.
func TestABottleThatCameBackStandsInTheStore(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx := t.Context()
		away := stock.BottleTransfer{Act: r.act("for the week"), Bottles: r.bottles[:1], From: stock.PlaceStore, To: stock.PlaceAway, Party: "Điểm 2"}
		_, err := r.stock.Transfer(ctx, away)
		require.NoError(t, err)
		moves, err := r.stock.Moves(ctx, stock.MoveFilter{Clinic: r.clinic.ID, Document: away.ID, Limit: 1})
		require.NoError(t, err)
		_, err = r.stock.Reverse(ctx, r.act("the point is closed"), moves[0].ID)
		require.NoError(t, err)
		b, err := r.stock.Bottle(ctx, r.clinic.ID, r.bottles[0])
		require.NoError(t, err)
		require.Equal(t, stock.PlaceStore, b.Place)
		require.Equal(t, stock.Quarantined, b.State)
		require.Equal(t, measure.Litre, b.Balance[stock.Store])
		r.verify(t)
	})
}

// A bottle of another lot that a paper put under the pump ends the check of the day, as one that the window mounts does.
func TestAChangeToAnotherLotEndsTheCheck(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		for _, b := range r.bottles {
			_, err := r.stock.Open(t.Context(), stock.BottleOpening{Act: r.act("for the morning"), Bottle: b, Reading: unread})
			require.NoError(t, err)
		}
		unchecked := func() bool {
			d, _, err := r.doses.Decide(t.Context(), r.clinic.ID, r.smallClinic.patients[0].ID, r.station.ID)
			require.NoError(t, err)
			return slices.ContainsFunc(append(d.Notes, d.Refusals...), func(x dosing.Reason) bool { return x.Rule == dosing.DeviceNotVerified })
		}
		require.NoError(t, change(t.Context(), r, r.bottles[0]))
		require.False(t, unchecked(), "of the same lot")
		require.NoError(t, change(t.Context(), r, r.bottles[1]))
		require.True(t, unchecked())
		r.verify(t)
	})
}

// A pour that a counter tells of after its day was closed is kept as it was, with an incident, and the book follows it.
func TestAPourToldAfterTheDayWasClosedIsRecorded(t *testing.T) {
	engines(t, func(t *testing.T, url string) {
		r := aStoreRoom(t, url, 1)
		ctx, c := t.Context(), r.clinic.ID
		d := r.begin(t, r.smallClinic, r.smallClinic.patients[0])
		r.counter.report(t, stationlog.KindNeverCommanded, stationlog.NeverCommanded{Dispensing: string(d.ID), Reason: "no_cup"})
		ses := stock.SessionStart{
			Clinic: c, ID: id.New[stock.SessionID](), Count: id.New[stock.CountID](), Station: string(r.station.ID), Shift: 1, By: r.nurse,
		}
		_, err := r.stock.StartSession(ctx, ses)
		require.NoError(t, err)
		b, err := r.stock.Bottle(ctx, c, r.bottle.ID)
		require.NoError(t, err)
		closing := id.New[stock.CountID]()
		for _, n := range []stock.CountID{ses.Count, closing} {
			if n == closing {
				_, err = r.stock.CountAgain(ctx, c, r.nurse, ses.ID, n)
				require.NoError(t, err)
			}
			for _, by := range []staff.Member{r.nurse, r.pharmacist} {
				_, err = r.stock.Enter(ctx, c, by, n, []stock.Line{{Bottle: b.ID, Method: stock.ByVolume, Volume: b.Balance[stock.InBottle]}})
				require.NoError(t, err)
			}
		}
		_, err = r.stock.CloseSession(ctx, c, staff.Pair{By: r.nurse, Witness: r.pharmacist}, ses.ID)
		require.NoError(t, err)

		was := r.incidents(t)
		r.counter.report(t, stationlog.KindMeasured, poured(t, d.ID, d.Volume))
		require.Equal(t, was+1, r.incidents(t))
		after, err := r.stock.Bottle(ctx, c, b.ID)
		require.NoError(t, err)
		require.Equal(t, b.Balance[stock.InBottle]-d.Volume, after.Balance[stock.InBottle], "what left the bottle left the book")
		r.verify(t)
	})
}
