package station

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/devices/catalog"
	"github.com/lieu-clinic/lieu/devices/sim"
	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/measure"
	"github.com/lieu-clinic/lieu/pkg/stationlog"
)

// window is a whole counter over the simulated bench: real pseudo-terminals, drivers, journal and HTTP.
type window struct {
	t       *testing.T
	bench   *sim.Bench
	clinic  *clinic
	dir     string
	conf    Config
	stop    context.CancelFunc
	stopped chan error
}

func newWindow(t *testing.T, change func(*sim.Config, *Config)) *window {
	t.Helper()
	w := &window{t: t, clinic: newClinic(t), dir: t.TempDir()}
	world := sim.Config{Now: time.Now, Seed: 7, Dir: filepath.Join(w.dir, "bench"), Speed: 4}
	w.conf = Config{
		Identity: testIdentity(w.clinic.http.URL), Version: "test", Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Pour: PourConfig{
			CupWait: 3 * time.Second, SettleSpan: 300 * time.Millisecond, SettleEvery: 60 * time.Millisecond,
			Drip: 200 * time.Millisecond, Reopen: 4 * time.Second, Recover: 5 * time.Second,
		},
	}
	if change != nil {
		change(&world, &w.conf)
	}
	var err error
	if w.bench, err = sim.NewBench(world); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.halt()
		if err := w.bench.Close(); err != nil {
			t.Error(err)
		}
	})
	port := func(name string) catalog.Options {
		return catalog.Options{Name: name, Path: filepath.Join(world.Dir, name), LockDir: w.dir, Now: time.Now}
	}
	// A counter of the world says which models stand on it; what it does not say is the bench's first.
	var own sim.CounterConfig
	if len(world.Counters) > 0 {
		own = world.Counters[0]
	}
	scale, pump := cmp.Or(own.Scale.Model, catalog.MTSICS), cmp.Or(own.Pump.Model, catalog.NewEra)
	serial := "1000001"
	if scale == catalog.Toledo { // which says none
		serial = ""
	}
	w.conf.Scale = Device[devices.Scale]{Model: scale, Serial: serial, Open: func(ctx context.Context) (devices.Scale, error) {
		return catalog.OpenScale(ctx, scale, port("scale0"))
	}}
	w.conf.Pump = Device[devices.Pump]{Model: pump, Open: func(ctx context.Context) (devices.Pump, error) {
		o := port("pump0")
		o.Diameter, o.Rate, o.Max = 26_700, 60_000, 30*measure.Millilitre
		if pump == catalog.Reglo {
			o.Diameter, o.Rate = 3170, 40_000
		}
		return catalog.OpenPump(ctx, pump, o)
	}}
	w.conf.Scanner = Device[devices.Scanner]{Model: "line", Open: func(ctx context.Context) (devices.Scanner, error) {
		return catalog.OpenScanner(ctx, "line", port("scanner0"))
	}}
	return w
}

// start brings the counter up on the same journal, as often as the test likes.
func (w *window) start() {
	w.t.Helper()
	var err error
	conf := w.conf
	conf.Journal, err = OpenJournal(w.t.Context(), filepath.Join(w.dir, "journal.db"), conf.Identity.Station, conf.Identity.Key, Position{}, time.Now)
	if err != nil {
		w.t.Fatal(err)
	}
	if conf.Server, err = NewClient(conf.Identity, w.clinic.http.Client(), time.Now); err != nil {
		w.t.Fatal(err)
	}
	s, err := New(conf)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.stop, w.stopped = cancel, make(chan error, 1)
	go func() {
		err := s.Run(ctx)
		w.stopped <- err
		_ = conf.Journal.Close()
		close(w.stopped)
	}()
}

func (w *window) halt() {
	if w.stop == nil {
		return
	}
	w.stop()
	for err := range w.stopped {
		if err != nil {
			w.t.Error(err)
		}
	}
	w.stop = nil
}

func (w *window) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 25*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func (w *window) world() sim.CounterState { return w.bench.State().Counters[0] }

func TestBenchPoursAndWeighs(t *testing.T) {
	t.Parallel()
	w := newWindow(t, nil)
	w.start()
	for i, v := range []measure.Volume{6000, 12_340, 500} {
		if err := w.bench.Only().PlaceCup(); err != nil {
			t.Fatal(err)
		}
		d := id.New[string]()
		w.clinic.send(pourOrder(d, v))
		r := w.clinic.end(w.ctx(), d)
		if r.Kind != stationlog.KindMeasured {
			t.Fatalf("dose %d ended as %s: %s", i, r.Kind, r.Body)
		}
		cup, err := w.bench.Only().LiftCup()
		if err != nil {
			t.Fatal(err)
		}
		o := outcomeOf(t, r)
		weighed, err := measure.Density(1_060_000).Volume(o.GrossAfter - o.GrossBefore)
		if err != nil {
			t.Fatal(err)
		}
		truth := measure.Volume(cup.LiquidML * 1000)
		if (weighed-truth).Abs() > 60 || !o.PumpKnown || (o.Pump-v).Abs() > 10 || o.ScaleSerial != "1000001" {
			t.Errorf("%s in the cup, outcome %+v", truth, o)
		}
	}
	if runs := w.world().Pump.Runs; runs != 3 {
		t.Errorf("%d motion commands for 3 doses", runs)
	}
}

// Every balance of the catalogue proves a dose: also one that knows no weight while the load moves, and one that sends
// by itself.
func TestBenchPoursWithEveryBalance(t *testing.T) {
	t.Parallel()
	for _, m := range catalog.Models() {
		if m.Kind != catalog.Scale || m.Name == catalog.MTSICS {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, func(world *sim.Config, _ *Config) {
				world.Counters = []sim.CounterConfig{{Name: "counter", Scale: sim.DeviceConfig{Model: m.Name}}}
			})
			w.start()
			if err := w.bench.Only().PlaceCup(); err != nil {
				t.Fatal(err)
			}
			d := id.New[string]()
			w.clinic.send(pourOrder(d, 6000))
			r := w.clinic.end(w.ctx(), d)
			if r.Kind != stationlog.KindMeasured {
				t.Fatalf("ended as %s: %s", r.Kind, r.Body)
			}
			o := outcomeOf(t, r)
			weighed, err := measure.Density(1_060_000).Volume(o.GrossAfter - o.GrossBefore)
			if err != nil {
				t.Fatal(err)
			}
			if truth := measure.Volume(w.world().DeliveredML * 1000); (weighed-truth).Abs() > 60 || o.ScaleSerial != w.conf.Scale.Serial {
				t.Errorf("%s in the cup, outcome %+v", truth, o)
			}
			if runs := w.world().Pump.Runs; runs != 1 {
				t.Errorf("%d motion commands", runs)
			}
		})
	}
}

func TestBenchFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  sim.Fault
		kind   stationlog.Kind
		reason string
		known  bool // the pump's volume
	}{
		"the pump restarts in the pour":          {sim.Fault{Device: "pump0", Kind: sim.PowerCycle, ML: 2}, stationlog.KindInDoubt, "restarted", false},
		"the motion command is lost":             {sim.Fault{Device: "pump0", Kind: sim.LostCommand, On: "RUN"}, stationlog.KindInDoubt, "no_reply", true},
		"the answer to the motion is lost":       {sim.Fault{Device: "pump0", Kind: sim.LostReply, On: "RUN"}, stationlog.KindInDoubt, "no_reply", true},
		"the cable is pulled as the pump starts": {sim.Fault{Device: "pump0", Kind: sim.UnplugInReply, On: "RUN", At: -1}, stationlog.KindInDoubt, "unplugged", false},
		"the tube is closed":                     {sim.Fault{Device: "pump0", Kind: sim.Occlusion}, stationlog.KindInDoubt, "stalled", true},
		"air comes instead of liquid":            {sim.Fault{Device: "pump0", Kind: sim.Bubble, ML: 20}, stationlog.KindInDoubt, "frozen", true},
		"one answer of the scale is garbled":     {sim.Fault{Device: "scale0", Kind: sim.GarbledReply, On: "SI"}, stationlog.KindMeasured, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWindow(t, nil)
			if err := w.bench.Only().PlaceCup(); err != nil {
				t.Fatal(err)
			}
			w.start()
			if err := w.bench.Fault(tc.fault); err != nil {
				t.Fatal(err)
			}
			d := id.New[string]()
			w.clinic.send(pourOrder(d, 6000))
			r := w.clinic.end(w.ctx(), d)
			o := stationlog.Outcome{}
			if r.Kind != stationlog.KindNeverCommanded {
				o = outcomeOf(t, r)
			}
			if r.Kind != tc.kind || o.Reason != tc.reason || o.PumpKnown != tc.known || !o.WeightKnown {
				t.Errorf("%s %s", r.Kind, r.Body)
			}
			if runs := w.world().Pump.Runs; runs > 1 {
				t.Errorf("%d motion commands for one dose", runs)
			}
		})
	}
}

// The pumps that go on without a host: a counter pours with them, and what it makes of their faults is the same.
func TestBenchOfOtherPumps(t *testing.T) {
	for model, start := range map[string]string{catalog.Simdos: "KY1", catalog.Reglo: "1H"} {
		for name, tc := range map[string]struct {
			fault  sim.Fault
			kind   stationlog.Kind
			reason string
			known  bool // the pump's volume
		}{
			"nothing happens":           {sim.Fault{Kind: sim.Clear}, stationlog.KindMeasured, "", true},
			"it restarts in the pour":   {sim.Fault{Kind: sim.PowerCycle, ML: 2}, stationlog.KindInDoubt, "restarted", false},
			"the start is lost":         {sim.Fault{Kind: sim.LostCommand, On: start}, stationlog.KindInDoubt, "no_reply", true},
			"the cable is pulled at it": {sim.Fault{Kind: sim.UnplugInReply, On: start, At: -1}, stationlog.KindInDoubt, "unplugged", false},
			"the tube is closed":        {sim.Fault{Kind: sim.Occlusion}, stationlog.KindInDoubt, "stalled", true},
		} {
			t.Run(model+": "+name, func(t *testing.T) {
				t.Parallel()
				w := newWindow(t, func(world *sim.Config, _ *Config) {
					world.Counters = []sim.CounterConfig{{Name: "counter", Pump: sim.DeviceConfig{Model: model}}}
				})
				if err := w.bench.Only().PlaceCup(); err != nil {
					t.Fatal(err)
				}
				w.start()
				tc.fault.Device = "pump0"
				if err := w.bench.Fault(tc.fault); err != nil {
					t.Fatal(err)
				}
				d := id.New[string]()
				w.clinic.send(pourOrder(d, 6000))
				r := w.clinic.end(w.ctx(), d)
				o := outcomeOf(t, r)
				if r.Kind != tc.kind || o.Reason != tc.reason || o.PumpKnown != tc.known || !o.WeightKnown {
					t.Errorf("%s %s", r.Kind, r.Body)
				}
				if s := w.world(); s.Pump.Runs > 1 || o.Pump > measure.Volume(s.PushedML*1000)+10 {
					t.Errorf("%d motion commands for one dose; it says %s of %.3f mL", s.Pump.Runs, o.Pump, s.PushedML)
				}
			})
		}
	}
}

func TestBenchWithoutCup(t *testing.T) {
	t.Parallel()
	w := newWindow(t, func(_ *sim.Config, c *Config) { c.Pour.CupWait = time.Second })
	w.start()
	d := id.New[string]()
	w.clinic.send(pourOrder(d, 6000))
	r := w.clinic.end(w.ctx(), d)
	var n stationlog.NeverCommanded
	if err := r.Decode(&n); err != nil || n.Reason != reasonNoCup {
		t.Fatalf("%s %s", r.Kind, r.Body)
	}
	if w.world().Pump.Runs != 0 {
		t.Error("the pump was started without a cup")
	}
}

func TestBenchScannerIsReopenedUnderTheSamePath(t *testing.T) {
	t.Parallel()
	w := newWindow(t, nil)
	w.start()
	state := func(kind, state string) func([]stationlog.Record) bool {
		return func(records []stationlog.Record) bool {
			last := ""
			for _, r := range records {
				var d stationlog.Device
				if r.Kind == stationlog.KindDevice && r.Decode(&d) == nil && d.Kind == kind {
					last = d.State
				}
			}
			return last == state
		}
	}
	w.clinic.until(w.ctx(), "scanner ready", state("scanner", "ready"))
	if err := w.bench.Unplug("scanner0"); err != nil {
		t.Fatal(err)
	}
	w.clinic.until(w.ctx(), "scanner down", state("scanner", "down"))
	if err := w.bench.Replug("scanner0"); err != nil {
		t.Fatal(err)
	}
	w.clinic.until(w.ctx(), "scanner back", state("scanner", "ready"))
	scanned := func(records []stationlog.Record) bool {
		for _, r := range records {
			var s stationlog.Scanned
			if r.Kind == stationlog.KindScanned && r.Decode(&s) == nil && s.Text == "P-000123" {
				return true
			}
		}
		return false
	}
	// A scanner that has just been opened drops what may be the second half of a code, so one scan may be lost.
	again, done := time.NewTicker(300*time.Millisecond), make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for {
			select {
			case <-again.C:
				_ = w.bench.Only().Scan("P-000123")
			case <-done:
				again.Stop()
				return
			}
		}
	}()
	w.clinic.until(w.ctx(), "scan", scanned)
}
