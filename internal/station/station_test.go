package station

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// direct is a clinic without a network, for bubbles of virtual time.
type direct struct{ *clinic }

func newDirect(t *testing.T) direct {
	return direct{&clinic{
		t: t, key: seedKey('s'), want: testIdentity("").PublicKey(),
		streams: map[chan stationlog.Signed]struct{}{}, changed: make(chan struct{}),
	}}
}

var errOffline = errors.New("offline")

func (d direct) offline() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down
}

func (d direct) Standing(context.Context) (Standing, error) {
	if d.offline() {
		return Standing{}, errOffline
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.hashes); n > 0 {
		return Standing{int64(n), d.hashes[n-1]}, nil
	}
	return Standing{0, stationlog.Genesis}, nil
}

func (d direct) Report(_ context.Context, records []stationlog.Signed) (int64, error) {
	if d.offline() {
		return 0, errOffline
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range records {
		if !d.keep(s) {
			return 0, ErrGap
		}
	}
	close(d.changed)
	d.changed = make(chan struct{})
	if d.lose > 0 {
		d.lose--
		return 0, errOffline
	}
	return int64(len(d.records)), nil
}

func (d direct) Orders(ctx context.Context, alive func(), each func(stationlog.Signed)) error {
	if d.offline() {
		return errOffline
	}
	mine := make(chan stationlog.Signed, 64)
	d.mu.Lock()
	for _, s := range d.orders {
		mine <- s
	}
	d.streams[mine] = struct{}{}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		delete(d.streams, mine)
		d.mu.Unlock()
	}()
	alive()
	for {
		select {
		case s, ok := <-mine:
			if !ok {
				return errOffline
			}
			each(s)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d direct) Live(_ context.Context, l Live) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live = append(d.live, l)
	return nil
}

// shown is the last picture of the window.
func (d direct) shown() Live {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.live[len(d.live)-1]
}

func (d direct) pictures() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.live)
}

// loseAnswers lets the next n reports be stored and their answers be lost.
func (d direct) loseAnswers(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose = n
}

// cut breaks the network: open streams end, nothing is answered.
func (d direct) cut(down bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = down
	if down {
		for s := range d.streams {
			close(s)
		}
		clear(d.streams)
	}
}

// bubble is a counter over a fake world in virtual time.
type bubble struct {
	t       *testing.T
	world   *fakeWorld
	server  direct
	conf    Config
	station *Station
	end     context.CancelFunc
	ended   chan error
	path    string
}

func newBubble(t *testing.T, change func(*Config)) *bubble {
	b := &bubble{t: t, world: newFakeWorld(), server: newDirect(t), path: filepath.Join(t.TempDir(), "journal.db")}
	b.conf = Config{
		Identity: testIdentity("http://unused"), Version: "test", Now: time.Now, Server: b.server,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Scale: Device[devices.Scale]{Model: "fake", Serial: "S1", Open: func(context.Context) (devices.Scale, error) {
			return fakeScale{b.world}, nil
		}},
		Pump: Device[devices.Pump]{Model: "fake", Open: func(context.Context) (devices.Pump, error) {
			return fakePump{b.world}, nil
		}},
	}
	if change != nil {
		change(&b.conf)
	}
	b.start()
	return b
}

func (b *bubble) start() {
	b.t.Helper()
	j, err := OpenJournal(b.t.Context(), b.path, stationID, seedKey('c'), Position{}, time.Now)
	if err != nil {
		b.t.Fatal(err)
	}
	conf := b.conf
	conf.Journal = j
	if b.station, err = New(conf); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.end, b.ended = cancel, make(chan error, 1)
	go func() {
		err := b.station.Run(ctx)
		b.ended <- errors.Join(err, j.Close())
	}()
}

// stop ends the counter in order and waits for it.
func (b *bubble) stop() {
	b.t.Helper()
	b.end()
	if err := <-b.ended; err != nil {
		b.t.Error(err)
	}
}

func (b *bubble) after(d time.Duration) {
	<-time.After(d) // virtual
	synctest.Wait()
}

func (b *bubble) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}

func inBubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func reasonIn(t *testing.T, r stationlog.Record) string {
	t.Helper()
	if r.Kind == stationlog.KindNeverCommanded {
		var n stationlog.NeverCommanded
		if err := r.Decode(&n); err != nil {
			t.Fatal(err)
		}
		return n.Reason
	}
	return outcomeOf(t, r).Reason
}

func TestCounterPoursWhatItIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.send(pourOrder("a", 6000))
		r := b.server.end(b.ctx(), "a")
		o := outcomeOf(t, r)
		if r.Kind != stationlog.KindMeasured || o.Pump != 6000 || o.GrossAfter-o.GrossBefore != 6*measure.WeightGram {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.after(time.Second)
		live := b.server.shown()
		if live.Phase != PhaseMeasured || live.Dispensing != "a" || live.Moved == nil || *live.Moved != 6000 || live.Cup == nil || !*live.Cup {
			t.Errorf("shown: %+v", live)
		}
		b.world.lift()
		b.after(3 * time.Second)
		live = b.server.shown()
		if live.Phase != PhaseIdle || live.Cup == nil || *live.Cup || live.QueueDepth != 0 {
			t.Errorf("shown after the cup was taken: %+v", live)
		}
		b.stop()
	})
}

func TestCounterWaitsForTheNextCup(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.send(pourOrder("a", 2000))
		b.server.end(b.ctx(), "a")
		b.server.send(pourOrder("b", 2000)) // the full cup still stands there
		if r := b.server.end(b.ctx(), "b"); reasonIn(t, r) != reasonNoCup {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.world.lift()
		b.server.send(pourOrder("c", 2000))
		b.after(2 * time.Second) // within the time a cup is waited for
		b.world.newCup()
		if r := b.server.end(b.ctx(), "c"); r.Kind != stationlog.KindMeasured {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.stop()
	})
}

func TestCounterGivesItsWord(t *testing.T) {
	for name, tc := range map[string]struct {
		order  func(*stationlog.Order)
		world  func(*fakeWorld)
		conf   func(*Config)
		reason string
	}{
		"the lease was over before":       {order: func(o *stationlog.Order) { o.RemainingMS = 0 }, reason: reasonLease},
		"the lease ends during the wait":  {order: func(o *stationlog.Order) { o.RemainingMS = 3000 }, world: (*fakeWorld).lift, reason: reasonLease},
		"no cup":                          {world: (*fakeWorld).lift, reason: reasonNoCup},
		"more than the pump can do":       {order: func(o *stationlog.Order) { o.Volume = 50_001 }, reason: reasonRejected},
		"the scale is another one":        {world: func(w *fakeWorld) { w.serial = "S9" }, reason: reasonDevice},
		"the scale shows a strange unit":  {world: func(w *fakeWorld) { w.unit = "lb" }, reason: reasonDevice},
		"a cup too heavy to be empty":     {world: func(w *fakeWorld) { w.cup = 101 * measure.WeightGram }, reason: reasonNoCup},
		"there is no scale on the port":   {conf: func(c *Config) { c.Scale.Open = absent[devices.Scale] }, reason: reasonDevice},
		"there is no pump on the port":    {conf: func(c *Config) { c.Pump.Open = absent[devices.Pump] }, reason: reasonDevice},
		"another pump than is registered": {conf: func(c *Config) { c.Pump.Serial = "P9" }, reason: reasonDevice},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBubble(t, tc.conf)
				b.after(time.Second)
				if tc.world != nil {
					tc.world(b.world)
				}
				o := pourOrder("a", 6000)
				if tc.order != nil {
					tc.order(&o)
				}
				b.server.send(o)
				r := b.server.end(b.ctx(), "a")
				if r.Kind != stationlog.KindNeverCommanded || reasonIn(t, r) != tc.reason || len(b.world.runs) != 0 {
					t.Errorf("%s %s, motion commands %v", r.Kind, r.Body, b.world.runs)
				}
				b.stop()
			})
		})
	}
}

func absent[D any](context.Context) (d D, err error) { return d, errors.New("no such port") }

func TestCancelIsForEver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		cancel := func(d string) { b.server.send(stationlog.Order{Kind: stationlog.Cancel, Dispensing: d}) }
		cancel("a") // never heard of
		if r := b.server.end(b.ctx(), "a"); reasonIn(t, r) != reasonCancelled {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.server.send(pourOrder("a", 3000))

		b.world.lift()
		b.server.send(pourOrder("b", 3001)) // waits for a cup
		b.after(2 * time.Second)
		cancel("b")
		if r := b.server.end(b.ctx(), "b"); reasonIn(t, r) != reasonCancelled {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.world.newCup()
		b.server.send(pourOrder("c", 3002))
		b.server.end(b.ctx(), "c")
		cancel("c") // too late
		b.after(5 * time.Second)
		if len(b.world.runs) != 1 || b.world.runs[3002] != 1 {
			t.Errorf("motion commands %v", b.world.runs)
		}
		b.stop()
	})
}

// When the server goes away the counter goes on, and everything arrives later, once and in order.
func TestReportsSurviveTheNetwork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.send(pourOrder("a", 6000))
		b.server.until(b.ctx(), "the pour has begun", func(rs []stationlog.Record) bool {
			return len(rs) > 0 && rs[len(rs)-1].Kind == stationlog.KindDispensing
		})
		b.server.cut(true)
		b.after(time.Minute)
		if n := b.station.Status(t.Context()).Waiting; n == 0 {
			t.Error("the outcome was not kept while the server was away")
		}
		if ready, why := b.station.Status(t.Context()).Ready(); ready {
			t.Errorf("ready without a server: %s", why)
		}
		b.server.loseAnswers(2) // two answers are lost after the events were stored
		b.server.cut(false)
		if r := b.server.end(b.ctx(), "a"); r.Kind != stationlog.KindMeasured {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.after(time.Minute)
		if ready, why := b.station.Status(t.Context()).Ready(); !ready {
			t.Error(why)
		}
		if n := b.station.Status(t.Context()).Waiting; n != 0 {
			t.Errorf("%d events still wait", n)
		}
		if b.world.runs[6000] != 1 {
			t.Errorf("motion commands %v: the order came again with each connection", b.world.runs)
		}
		b.stop()
	})
}

// A server that was restored from a backup is sent again what it lost.
func TestServerThatForgotIsToldAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.send(pourOrder("a", 6000))
		b.server.end(b.ctx(), "a")
		b.server.mu.Lock()
		b.server.records, b.server.hashes = b.server.records[:2], b.server.hashes[:2]
		b.server.mu.Unlock()
		b.server.send(pourOrder("a", 6000)) // it asks for what it does not know
		if r := b.server.end(b.ctx(), "a"); r.Kind != stationlog.KindMeasured {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.stop()
		if b.world.runs[6000] != 1 {
			t.Errorf("motion commands %v", b.world.runs)
		}
	})
}

// A counter whose journal was lost must not pour: it cannot know what it poured before.
func TestLostJournalPoursNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.send(pourOrder("a", 6000))
		b.server.end(b.ctx(), "a")
		b.stop()
		b.path = strings.TrimSuffix(b.path, ".db") + "-new.db"
		b.world.newCup()
		b.start()
		b.after(time.Minute)
		st := b.station.Status(t.Context())
		if ready, why := st.Ready(); ready || !st.Diverged || b.world.runs[6000] != 1 {
			t.Errorf("diverged %v, ready %v %s, motion commands %v", st.Diverged, ready, why, b.world.runs)
		}
		b.stop()
	})
}

func TestStopFinishesThePour(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		began := make(chan struct{})
		b := newBubble(t, func(c *Config) {
			c.CrashAt = func(p string) {
				if p == "before-run" {
					close(began)
					<-time.After(5 * time.Second)
				}
			}
		})
		b.server.send(pourOrder("a", 6000))
		<-began
		b.server.send(pourOrder("b", 6001))
		b.stop()
		ended, refused := b.server.end(b.ctx(), "a"), b.server.end(b.ctx(), "b")
		if ended.Kind != stationlog.KindMeasured || reasonIn(t, refused) != reasonRejected {
			t.Errorf("%s, %s %s", ended.Kind, refused.Kind, refused.Body)
		}
	})
}

func TestRecoveryAfterACrash(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.stop()
		j, err := OpenJournal(t.Context(), b.path, stationID, seedKey('c'), Position{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range []error{
			j.Arm(t.Context(), stationlog.Armed{Dispensing: "armed"}, stationlog.Signed{}), j.Arm(t.Context(), stationlog.Armed{Dispensing: "poured"}, stationlog.Signed{}),
			j.Commit(t.Context(), stationlog.Dispensing{Dispensing: "poured", Volume: 6000, GrossBefore: 5 * measure.WeightGram, ScaleSerial: "S1"}),
			j.Progress(t.Context(), "poured", 2000), j.Close(),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		b.world.armed, b.world.counted, b.world.liquid = 6000, 2500, 2500
		b.start()
		if r := b.server.end(b.ctx(), "armed"); reasonIn(t, r) != reasonCrash {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		r := b.server.end(b.ctx(), "poured")
		o := outcomeOf(t, r)
		if r.Kind != stationlog.KindInDoubt || o.Reason != "crash" || o.Pump != 2500 || !o.PumpKnown || !o.WeightKnown ||
			o.GrossAfter != 7_500_000 || len(b.world.runs) != 0 {
			t.Errorf("%s %+v, motion commands %v", r.Kind, o, b.world.runs)
		}
		b.stop()
	})
}

func TestPourByHand(t *testing.T) {
	byHand := func(c *Config) { c.Identity.Manual = true }
	pour := func(b *bubble, v measure.Volume) {
		b.world.mu.Lock()
		defer b.world.mu.Unlock()
		b.world.liquid += v
	}
	order := pourOrder("a", 6000)
	order.Density = 1_000_000
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, byHand)
		b.server.send(order)
		b.after(5 * time.Second)
		pour(b, 3000)
		b.after(20 * time.Second) // half is not enough, however long it stands
		if st := b.station.Status(t.Context()); st.Live.Phase != PhasePouring || st.Live.Pump.State != stateNone {
			t.Errorf("shown: %+v", st.Live)
		}
		pour(b, 2950)
		r := b.server.end(b.ctx(), "a")
		o := outcomeOf(t, r)
		if r.Kind != stationlog.KindMeasured || o.PumpKnown || !o.Manual || o.GrossAfter-o.GrossBefore != 5_950_000 {
			t.Errorf("%s %+v", r.Kind, o)
		}
		b.stop()
	})
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, byHand)
		b.server.send(order)
		b.after(5 * time.Second)
		pour(b, 3000)
		r := b.server.end(b.ctx(), "a")
		if r.Kind != stationlog.KindInDoubt || reasonIn(t, r) != "unfinished" || !outcomeOf(t, r).WeightKnown {
			t.Errorf("%s %s", r.Kind, r.Body)
		}
		b.stop()
	})
}

// The vessel of the waste stays on the pan from one check shot to the next, and is no cup for a patient.
func TestShotsShareOneVessel(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.world.cup = 150 * measure.WeightGram // no cup of a patient weighs that
		waste := func(kind stationlog.OrderKind, id string, v measure.Volume) stationlog.Outcome {
			o := pourOrder(id, v)
			o.Kind = kind
			b.server.send(o)
			r := b.server.end(b.ctx(), id)
			if r.Kind != stationlog.KindMeasured {
				t.Errorf("%s: %s %s", id, r.Kind, r.Body)
			}
			return outcomeOf(t, r)
		}
		if o := waste(stationlog.Prime, "p", 3000); o.Purpose != stationlog.Prime || o.Pump != 3000 {
			t.Errorf("prime: %+v", o)
		}
		last := measure.Weight(0)
		for i, id := range []string{"s1", "s2", "s3"} {
			o := waste(stationlog.Shot, id, 5001)
			if o.Purpose != stationlog.Shot || o.Pump != 5001 || i > 0 && o.GrossBefore != last {
				t.Errorf("%s: %+v", id, o)
			}
			last = o.GrossAfter
		}
		b.server.send(pourOrder("dose", 6000))
		if r := b.server.end(b.ctx(), "dose"); reasonIn(t, r) != reasonNoCup || b.world.runs[6000] != 0 {
			t.Errorf("a dose into the waste: %s %s", r.Kind, r.Body)
		}
		b.stop()
	})
}

func TestWasteIsNeverPouredAsADose(t *testing.T) {
	for name, tc := range map[string]struct {
		world  func(*fakeWorld)
		conf   func(*Config)
		reason string
	}{
		"nothing stands on the pan": {world: (*fakeWorld).lift, reason: reasonNoCup},
		"a vessel beyond the scale": {world: func(w *fakeWorld) { w.cup = 2001 * measure.WeightGram }, reason: reasonNoCup},
		"there is no pump":          {conf: func(c *Config) { c.Identity.Manual = true }, reason: reasonRejected},
	} {
		for _, kind := range []stationlog.OrderKind{stationlog.Prime, stationlog.Shot} {
			t.Run(name+": "+string(kind), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					b := newBubble(t, tc.conf)
					if tc.world != nil {
						tc.world(b.world)
					}
					o := pourOrder("a", 5000)
					o.Kind = kind
					b.server.send(o)
					r := b.server.end(b.ctx(), "a")
					var n stationlog.NeverCommanded
					if err := r.Decode(&n); err != nil || n.Reason != tc.reason || n.Purpose != kind || len(b.world.runs) != 0 {
						t.Errorf("%v: %s %s, motion commands %v", err, r.Kind, r.Body, b.world.runs)
					}
					b.stop()
				})
			})
		}
	}
}

func TestOrderOfSomebodyElseIsNotBelieved(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBubble(t, nil)
		b.server.key = seedKey('z')
		b.server.send(pourOrder("a", 6000))
		b.after(time.Minute)
		if step, err := b.station.journal.Step(t.Context(), "a"); step != StepNone || err != nil || len(b.world.runs) != 0 {
			t.Errorf("step %q, %v, motion commands %v", step, err, b.world.runs)
		}
		b.stop()
	})
}
