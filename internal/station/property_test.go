package station

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// crashed is what a test's crash point panics with: nothing after it happens in that life of the daemon.
type crashed struct{ point string }

// model drives a pourer through lives and crashes and remembers what must be true of all of them.
type model struct {
	t     *rapid.T
	world *fakeWorld
	dir   string
	lives int

	journal *Journal
	pourer  *pourer
	hook    func(string)

	orders  []Accepted       // every pour ever ordered
	heads   map[int64]string // hash of each event seen, by number
	volumes map[measure.Volume]string
}

func newModel(t *rapid.T, dir string) *model {
	m := &model{t: t, world: newFakeWorld(), dir: dir, heads: map[int64]string{}, volumes: map[measure.Volume]string{}}
	m.world.running = m.ran
	m.open()
	return m
}

// ran is called as the motion command reaches the pump: the intent must be durable by then, and it must be the first.
func (m *model) ran(v measure.Volume) {
	if n := m.world.runs[v]; n != 1 {
		m.t.Fatalf("motion command %d for one dispensing", n)
	}
	step, err := m.journal.Step(context.Background(), m.volumes[v])
	if err != nil || step != StepDispensing {
		m.t.Fatalf("the pump was told to move at step %q: %v", step, err)
	}
}

func (m *model) path() string { return filepath.Join(m.dir, fmt.Sprintf("journal%d.db", m.lives)) }

// open begins a life of the daemon.
func (m *model) open() {
	var err error
	if m.journal, err = OpenJournal(context.Background(), m.path(), stationID, seedKey('c'), Position{}, time.Now); err != nil {
		m.t.Fatal(err)
	}
	m.pourer = &pourer{
		journal: m.journal, cfg: quick(), now: time.Now, board: newBoard(stateUnknown, stateUnknown, stateUnknown, stateNone),
		rec: silence{}, log: slog.New(slog.DiscardHandler),
		scale: newSlot(kindScale, Device[devices.Scale]{}, nil), pump: newSlot(kindPump, Device[devices.Pump]{}, nil),
		crash: func(p string) {
			if m.hook != nil {
				m.hook(p)
			}
		},
	}
	m.plug()
}

// plug brings both devices back, in new sessions where they were away.
func (m *model) plug() {
	if _, open := m.pourer.scale.present(); !open {
		m.pourer.scale.install(fakeScale{m.world}, devices.Identity{Serial: "S1"})
	}
	if _, open := m.pourer.pump.present(); !open {
		if m.pourer.greetPump(context.Background(), fakePump{m.world}) == nil {
			m.pourer.pump.install(fakePump{m.world}, devices.Identity{Serial: "P1"})
		}
	}
}

// life runs act, which may crash. It reports whether it did; then the daemon has been started anew on what was on the
// disk at that moment, without recovery.
func (m *model) life(act func() error) (died bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crashed); !ok {
				panic(r)
			}
			died = true
			m.restart()
		}
	}()
	if err := act(); err != nil {
		m.t.Fatal(err)
	}
	m.note()
	return false
}

// restart copies the files as they are and opens the copy: the old life is abandoned, not closed.
func (m *model) restart() {
	m.hook = nil
	old := m.path()
	m.lives++
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(old + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(m.path()+suffix, b, 0o600)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	_ = m.journal.Close()
	m.open()
}

// note remembers the chain as far as it goes. What was there once must be there at the end.
func (m *model) note() {
	entries, err := m.journal.After(context.Background(), int64(len(m.heads)), 1000, 1<<30)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		m.heads[e.Seq] = e.Hash
	}
}

// recover runs recovery, which may crash itself any number of times.
func (m *model) recover(crashes []string) {
	for _, point := range crashes {
		m.hook = func(p string) {
			if p == point {
				panic(crashed{p})
			}
		}
		if !m.life(func() error { return m.pourer.Recover(context.Background()) }) {
			break
		}
	}
	m.hook = nil
	m.life(func() error { return m.pourer.Recover(context.Background()) })
	m.plug()
}

func points() *rapid.Generator[string] {
	return rapid.SampledFrom(append([]string{""}, CrashPoints[:]...))
}

func (m *model) order(kind stationlog.OrderKind, d string, v measure.Volume, lease int64) Accepted {
	return Accepted{
		Order:   stationlog.Order{Kind: kind, Station: stationID, Dispensing: d, Volume: v, RemainingMS: lease},
		Arrived: time.Now(),
	}
}

// Pour orders a new dispensing, with whatever goes wrong.
func (m *model) pour(t *rapid.T) {
	n := len(m.orders)
	d, v := fmt.Sprintf("d%d", n), measure.Volume(2000+n)
	m.volumes[v] = d
	lease := rapid.SampledFrom([]int64{60_000, 60_000, 60_000, 0, 1}).Draw(t, "lease")
	if rapid.IntRange(0, 9).Draw(t, "too much") == 0 {
		v += 60_000
	}
	kind := rapid.SampledFrom([]stationlog.OrderKind{stationlog.Pour, stationlog.Pour, stationlog.Shot, stationlog.Prime}).Draw(t, "kind")
	a := m.order(kind, d, v, lease)
	m.orders = append(m.orders, a)
	if rapid.IntRange(0, 4).Draw(t, "cup") > 0 {
		m.world.newCup()
		m.pourer.standing(nil)
	}
	m.world.fault = fault{
		pump: rapid.SampledFrom([]error{
			nil, nil, nil, devices.ErrNoReply, devices.ErrStalled, devices.ErrDisconnected, devices.ErrRestarted, devices.ErrRefused,
		}).Draw(t, "pump"),
		after: measure.Volume(rapid.IntRange(0, 2500).Draw(t, "after")),
		quiet: rapid.Bool().Draw(t, "quiet"),
		scale: rapid.SampledFrom([]error{nil, nil, devices.ErrOverload, devices.ErrNoReply, devices.ErrDisconnected}).Draw(t, "scale"),
		stuck: rapid.IntRange(0, 5).Draw(t, "stuck") == 0,
	}
	m.carryOut(t, a)
}

// carryOut lets a daemon take an order, which may be cancelled, cut short by a shutdown, or crash at any point.
func (m *model) carryOut(t *rapid.T, a Accepted) {
	crashAt, cancelAt, stopAt := points().Draw(t, "crash at"), "", ""
	switch rapid.IntRange(0, 3).Draw(t, "interrupted") {
	case 0:
		cancelAt = points().Draw(t, "cancel at")
	case 1:
		stopAt = points().Draw(t, "stop at")
	}
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	m.hook = func(p string) {
		if p == cancelAt {
			cancelAt = "" // cancelling passes points itself
			if err := m.pourer.Cancel(ctx, m.order(stationlog.Cancel, a.Order.Dispensing, 0, 0)); err != nil {
				m.t.Fatal(err)
			}
		}
		if p == stopAt {
			stop(ErrClosing)
		}
		if p == crashAt {
			panic(crashed{p})
		}
	}
	died := m.life(func() error { return m.pourer.Pour(ctx, a) })
	m.hook = nil
	if died {
		m.recover(rapid.SliceOfN(rapid.SampledFrom(CrashPoints[:]), 0, 2).Draw(t, "crashes of recovery"))
	}
	m.plug()
}

func (m *model) again(t *rapid.T) {
	if len(m.orders) == 0 {
		t.Skip("nothing ordered yet")
	}
	a := rapid.SampledFrom(m.orders).Draw(t, "order")
	a.Arrived = time.Now()
	m.carryOut(t, a)
}

func (m *model) cancel(t *rapid.T) {
	d := fmt.Sprintf("d%d", rapid.IntRange(0, len(m.orders)).Draw(t, "dispensing"))
	m.life(func() error { return m.pourer.Cancel(context.Background(), m.order(stationlog.Cancel, d, 0, 0)) })
}

func (m *model) scan(*rapid.T) {
	m.life(func() error {
		return m.journal.Append(context.Background(), stationlog.KindScanned, stationlog.Scanned{Text: "x"})
	})
}

func (m *model) powerCut(*rapid.T) {
	m.restart()
	m.recover(nil)
}

// check is true after every act.
func (m *model) check(*rapid.T) {
	for v, n := range m.world.runs {
		if n > 1 {
			m.t.Fatalf("dispensing %s was poured %d times", m.volumes[v], n)
		}
	}
	open, err := m.journal.Unfinished(context.Background())
	if err != nil || len(open) > 0 {
		m.t.Fatalf("left open: %+v, %v", open, err)
	}
}

// finish reads the whole journal: chained, signed, nothing lost, and every dispensing ended once, with the truth.
func (m *model) finish() {
	_ = m.journal.Close()
	sum, err := VerifyJournal(context.Background(), m.path(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.open()
	defer func() { _ = m.journal.Close() }()
	entries, err := m.journal.After(context.Background(), 0, 1<<20, 1<<30)
	if err != nil || int64(len(entries)) != sum.Seq {
		m.t.Fatalf("%d events of %d: %v", len(entries), sum.Seq, err)
	}
	ends := map[string]int{}
	for i, e := range entries {
		if hash, ok := m.heads[int64(i+1)]; ok && hash != e.Hash {
			m.t.Fatalf("event %d was another one once", i+1)
		}
		delete(m.heads, int64(i+1))
		r, err := e.Record.Open(m.pourer.journal.key.Public().(ed25519.PublicKey))
		if err != nil {
			m.t.Fatal(err)
		}
		m.ended(r, ends)
	}
	if len(m.heads) > 0 {
		m.t.Fatalf("events lost: %v", m.heads)
	}
	for v, n := range m.world.runs {
		if d := m.volumes[v]; n > 0 && ends[d] != 1 {
			m.t.Fatalf("dispensing %s was poured and ended %d times", d, ends[d])
		}
	}
	for _, a := range m.orders {
		step, err := m.journal.Step(context.Background(), a.Order.Dispensing)
		if err != nil || (ends[a.Order.Dispensing] != 1 && step != StepNone) {
			m.t.Fatalf("dispensing %s ended %d times, step %q, %v", a.Order.Dispensing, ends[a.Order.Dispensing], step, err)
		}
	}
}

// ended compares the end of a dispensing with what the pump really did.
func (m *model) ended(r stationlog.Record, ends map[string]int) {
	step, ok := stepOf(r.Kind)
	if !ok || len(steps[step]) > 0 {
		return
	}
	d := dispensingOf(r)
	ends[d]++
	volume := measure.Volume(0)
	for v, name := range m.volumes {
		if name == d {
			volume = v
		}
	}
	if step == StepNeverCommanded {
		if m.world.runs[volume] > 0 {
			m.t.Fatalf("the counter gave its word for %s, which was poured", d)
		}
		return
	}
	var o stationlog.Outcome
	if err := r.Decode(&o); err != nil {
		m.t.Fatal(err)
	}
	for _, a := range m.orders {
		if a.Order.Dispensing == d && a.purpose() != o.Purpose {
			m.t.Fatalf("%s was ordered for %q and ended for %q", d, a.purpose(), o.Purpose)
		}
	}
	truth := m.world.truth[volume]
	if (o.PumpKnown && o.Pump != truth) || (!o.PumpKnown && o.Pump > truth) {
		m.t.Fatalf("%s says %+v, the pump moved %s", d, o, truth)
	}
	if step == StepMeasured && (!o.PumpKnown || !o.WeightKnown || o.Reason != "" || truth != volume) {
		m.t.Fatalf("%s is measured: %+v, the pump moved %s", d, o, truth)
	}
}

func TestWhateverHappensAnOrderIsPouredAtMostOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(rt, t.TempDir())
		rt.Repeat(map[string]func(*rapid.T){
			"pour": m.pour, "pour another": m.pour, "order again": m.again, "cancel": m.cancel, "scan": m.scan,
			"power cut": m.powerCut, "": m.check,
		})
		m.finish()
	})
}
