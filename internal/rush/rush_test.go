package rush

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// usual is a morning that nobody would be surprised by.
var usual = Setting{
	Patients: 300, Windows: 2, Arrivals: Front, Span: 4 * time.Hour, Share: 40, First: 30 * time.Minute, Jitter: 5 * time.Minute,
	Service: 80 * time.Second, Spread: 30, Seed: 1,
}

func drawn(r *rapid.T) Setting {
	return Setting{
		Patients: rapid.IntRange(1, 120).Draw(r, "patients"), Windows: rapid.IntRange(1, 4).Draw(r, "windows"),
		Arrivals: rapid.SampledFrom([]Arrivals{Uniform, Front, Booked}).Draw(r, "arrivals"), Span: 2 * time.Hour,
		Share: rapid.IntRange(0, 100).Draw(r, "share"), First: 20 * time.Minute,
		Jitter:  time.Duration(rapid.IntRange(0, 30).Draw(r, "jitter")) * time.Minute,
		Service: time.Duration(rapid.IntRange(5, 300).Draw(r, "service")) * time.Second, Spread: rapid.IntRange(0, 150).Draw(r, "spread"),
		Seed: rapid.Uint64().Draw(r, "seed"),
	}
}

func run(t interface{ Fatal(...any) }, p Plan) []Visit {
	visits, err := p.Run(context.Background(), NewLine(p))
	if err != nil {
		t.Fatal(err)
	}
	return visits
}

// Whatever the morning: everybody is served once, step after step, no window has two, none idles while somebody waits, and
// nobody is passed by more than a kept slot allows.
func TestAMorningInOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawn(r)
		p := s.Plan(0)
		visits := run(r, p)
		byWindow := make([][]Visit, s.Windows)
		for i, v := range visits {
			if v.Reached != Left || v.At[Arrived] != p.People[i].Arrives || !slices.IsSorted(v.At[Arrived:]) {
				r.Fatalf("visit %d: %+v", i, v)
			}
			if got := v.At[Left] - v.At[Called]; got != p.People[i].Service || v.At[Called] < 0 {
				r.Fatalf("visit %d took %s of %s, called at %s", i, got, p.People[i].Service, v.At[Called])
			}
			byWindow[v.Window] = append(byWindow[v.Window], v)
		}
		for _, at := range byWindow {
			slices.SortFunc(at, func(a, b Visit) int { return int(a.At[Called] - b.At[Called]) })
			for i := range len(at) - 1 {
				if at[i+1].At[Called] < at[i].At[Left] {
					r.Fatalf("two at a window: %+v, %+v", at[i], at[i+1])
				}
			}
		}
		for _, v := range visits {
			if v.Queued() > 0 && busy(visits, v.At[Called]-1) != s.Windows && v.At[Called] > 0 {
				r.Fatalf("%+v waited beside an idle window", v)
			}
			for _, o := range visits {
				if s.Arrivals != Booked && o.At[Arrived] > v.At[Arrived] && o.At[Called] < v.At[Called] {
					r.Fatalf("%+v was passed by %+v", v, o)
				}
			}
		}
	})
}

func busy(visits []Visit, at time.Duration) (n int) {
	for _, v := range visits {
		if v.At[Called] <= at && at < v.At[Left] {
			n++
		}
	}
	return n
}

// A window more never makes a morning of fixed services longer, nor any wait.
func TestAWindowMoreHelpsEverybody(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := drawn(r)
		s.Spread = 0
		p := s.Plan(0)
		before := run(r, p)
		p.Windows++
		for i, v := range run(r, p) {
			if s.Arrivals != Booked && v.Wait(0) > before[i].Wait(0) {
				r.Fatalf("patient %d waits %s instead of %s", i, v.Wait(0), before[i].Wait(0))
			}
		}
	})
}

func TestTheSameSeedIsTheSameMorning(t *testing.T) {
	if !reflect.DeepEqual(usual.Plan(3), usual.Plan(3)) {
		t.Error("two plans of one seed differ")
	}
	other := usual
	other.Seed++
	if reflect.DeepEqual(usual.Plan(3), usual.Plan(4)) || reflect.DeepEqual(usual.Plan(3), other.Plan(3)) {
		t.Error("another seed or number is the same morning")
	}
}

func TestShapesOfArrivals(t *testing.T) {
	early := func(s Setting) (n int) {
		for _, p := range s.Plan(0).People {
			if p.Arrives < s.First {
				n++
			}
		}
		return n
	}
	if n := early(usual); n != 120 {
		t.Errorf("%d of 300 in the first half hour, want 40 %%", n)
	}
	even := usual
	even.Arrivals = Uniform
	if n := early(even); n < 15 || n > 65 { // 37.5 ± 5 standard deviations
		t.Errorf("%d of 300 in the first eighth of an even morning", n)
	}
	even.Arrivals = Booked
	for _, p := range even.Plan(0).People {
		if p.Arrives < p.Slot-even.Jitter || p.Arrives >= p.Slot+15*time.Minute+even.Jitter || p.Slot%(15*time.Minute) != 0 {
			t.Errorf("arrives at %s for the slot at %s", p.Arrives, p.Slot)
		}
	}
}

// The law has the mean and the second moment that it says.
func TestLaw(t *testing.T) {
	for _, spread := range []int{0, 10, 30, 60, 100, 150, 200} {
		law := NewLaw(75*time.Second, spread)
		r := rand.New(rand.NewPCG(7, uint64(spread)))
		const n = 400_000
		var sum, squares float64
		for range n {
			x := law.Draw(r).Seconds()
			sum, squares = sum+x, squares+x*x
		}
		if mean := sum / n; math.Abs(mean-75) > 1 {
			t.Errorf("spread %d: mean %.2f s", spread, mean)
		}
		if second := squares / n; math.Abs(second-law.Second()) > 0.04*law.Second() {
			t.Errorf("spread %d: second moment %.1f, want %.1f", spread, second, law.Second())
		}
	}
}

func TestAbsurdSettingsAreNamed(t *testing.T) {
	if err := usual.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Setting){
		"0 patients":             func(s *Setting) { s.Patients = 0 },
		"2001 patients":          func(s *Setting) { s.Patients = MaxPatients + 1 },
		"0 windows":              func(s *Setting) { s.Windows = 0 },
		"13 windows":             func(s *Setting) { s.Windows = 13 },
		`arrivals "crowd"`:       func(s *Setting) { s.Arrivals = "crowd" },
		"a span of 1m0s":         func(s *Setting) { s.Span = time.Minute },
		"a span of 13h0m0s":      func(s *Setting) { s.Span = 13 * time.Hour },
		"a service of 0s":        func(s *Setting) { s.Service = 0 },
		"a service of 1h0m0s":    func(s *Setting) { s.Service = time.Hour },
		"a spread of -1 %":       func(s *Setting) { s.Spread = -1 },
		"a spread of 201 %":      func(s *Setting) { s.Spread = 201 },
		"a share of 101 %":       func(s *Setting) { s.Share = 101 },
		"a first part of 4h0m0s": func(s *Setting) { s.First = s.Span },
		"a jitter of -1ns":       func(s *Setting) { s.Arrivals, s.Jitter = Booked, -1 },
		"a jitter of 3h0m0s":     func(s *Setting) { s.Arrivals, s.Jitter = Booked, 3*time.Hour },
	} {
		s := usual
		spoil(&s)
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s …", err, want)
		}
	}
}

// stubborn is a floor that does what it must not.
type stubborn struct {
	Floor
	who int
	err error
}

func (s stubborn) Call(context.Context, int, time.Duration) (int, error) { return s.who, s.err }

func TestAFloorThatErrsEndsTheMorning(t *testing.T) {
	p := usual.Plan(0)
	gone := errors.New("server is gone")
	if _, err := p.Run(t.Context(), stubborn{NewLine(p), 0, gone}); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	for _, who := range []int{-1, 5, 300} { // nobody, one who has not come, one who does not exist
		if _, err := p.Run(t.Context(), stubborn{NewLine(p), who, nil}); err == nil || !strings.Contains(err.Error(), "does not wait") {
			t.Errorf("patient %d: %v", who, err)
		}
	}
}

func TestSnap(t *testing.T) {
	minutes := func(reached Stage, at ...int) Visit {
		v := Visit{Reached: reached}
		for i, m := range at {
			v.At[int(Arrived)+i] = time.Duration(m) * time.Minute
		}
		return v
	}
	got := Snap([]Visit{
		minutes(Left, 0, 1, 2, 3, 3, 4, 5, 6), minutes(Left, 1, 6, 7, 8, 8, 8, 9, 10), minutes(Handed, 2, 9, 10, 11, 11, 12, 13),
		minutes(Called, 3, 10), minutes(Arrived, 8), {},
	}, 15*time.Minute)
	m := time.Minute
	want := Snapshot{
		Waiting: 2, AtWindow: 1, Served: 2, Longest: 12 * m,
		Wait: Spread{3, 6 * m, 8 * m, 8 * m, 8 * m}, Service: Spread{2, 3 * m, 4 * m, 4 * m, 4 * m}, Whole: Spread{2, 6 * m, 9 * m, 9 * m, 9 * m},
	}
	if got != want {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestEstimate(t *testing.T) {
	e := estimate([]float64{1, 2, 3, 4, 5})
	if e.Mean != 3 || math.Abs(e.Half-2.776*math.Sqrt(0.5)) > 1e-9 || !e.Within(1.1) || e.Within(5) {
		t.Errorf("%+v", e)
	}
	if e := estimate([]float64{7}); e.Mean != 7 || !math.IsInf(e.Half, 1) {
		t.Errorf("of one value %+v", e)
	}
}

// Spreading the arrivals is worth more than seconds at the window, which is worth more than nothing.
func TestWhatHelps(t *testing.T) {
	p95 := func(edit func(*Setting)) float64 {
		s := usual
		edit(&s)
		r, err := s.Mornings(t.Context(), 20)
		if err != nil {
			t.Fatal(err)
		}
		return r.P95.Mean
	}
	crowd := p95(func(*Setting) {})
	faster := p95(func(s *Setting) { s.Service -= 15 * time.Second })
	booked := p95(func(s *Setting) { s.Arrivals = Booked })
	if !(booked < faster/3 && faster < crowd*0.85) {
		t.Errorf("p95: %.0f s in a crowd, %.0f s with 15 s less, %.0f s booked", crowd, faster, booked)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := usual.Mornings(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
