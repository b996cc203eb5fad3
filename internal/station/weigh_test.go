package station

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lieu-clinic/lieu/devices"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// tape is a scale that shows one reading after the other and then the last for ever.
type tape struct {
	show []any // a devices.Reading or an error
	n    int
}

func (s *tape) Read(ctx context.Context) (devices.Reading, error) {
	if ctx.Err() != nil {
		return devices.Reading{}, ctx.Err()
	}
	now := s.show[min(s.n, len(s.show)-1)]
	s.n++
	if err, failed := now.(error); failed {
		return devices.Reading{}, err
	}
	r := now.(devices.Reading)
	if r.At.IsZero() {
		r.At = time.Now()
	}
	return r, nil
}

func (s *tape) Identify(context.Context) (devices.Identity, error)  { return devices.Identity{}, nil }
func (s *tape) Stable(ctx context.Context) (devices.Reading, error) { return s.Read(ctx) }
func (s *tape) Close() error                                        { return nil }

func grams2(w float64, stable bool) devices.Reading {
	return devices.Reading{Weight: measure.Weight(w * 1e6), Decimals: 2, Unit: "g", Stable: stable}
}

func TestWeightCountsWhenItStandsStill(t *testing.T) {
	still, moving := grams2(5, true), grams2(5, false)
	stale := still
	stale.At = time.Unix(1, 0)
	for name, tc := range map[string]struct {
		show []any
		took time.Duration // of the virtual clock, when it counts
		err  error
	}{
		"from the first reading":          {[]any{still}, time.Second, nil},
		"a flag alone is not enough":      {[]any{still, still, still, still, grams2(5.02, true)}, 1800 * time.Millisecond, nil},
		"one division may be between":     {[]any{still, grams2(5.01, true), still, grams2(5.01, true)}, time.Second, nil},
		"it creeps by single divisions":   {[]any{still, grams2(5.01, true), grams2(5.02, true), grams2(5.03, true)}, 1400 * time.Millisecond, nil},
		"one unstable reading":            {[]any{still, still, moving, still}, 1600 * time.Millisecond, nil},
		"a lost answer begins anew":       {[]any{still, devices.ErrNoReply, still}, 1400 * time.Millisecond, nil},
		"three lost answers end it":       {[]any{still, devices.ErrNoReply, devices.ErrGarbled, devices.ErrNoReply}, 0, devices.ErrNoReply},
		"never stable":                    {[]any{moving}, 0, devices.ErrUnstable},
		"always another weight":           {[]any{still, grams2(6, true), still, grams2(6, true), moving}, 0, devices.ErrUnstable},
		"no weight while it moves":        {[]any{devices.ErrUnstable, devices.ErrUnstable, devices.ErrUnstable, devices.ErrUnstable, still}, 1800 * time.Millisecond, nil},
		"moving for good":                 {[]any{still, devices.ErrUnstable}, 0, devices.ErrUnstable},
		"overloaded for good":             {[]any{devices.ErrOverload}, 0, devices.ErrOverload},
		"overloaded for a moment":         {[]any{devices.ErrOverload, still}, 1200 * time.Millisecond, nil},
		"answers older than the question": {[]any{stale}, 0, devices.ErrUnstable},
		"unplugged":                       {[]any{still, devices.ErrDisconnected}, 0, devices.ErrDisconnected},
		"not a unit of weight":            {[]any{devices.Reading{Weight: 1, Unit: "ct", Stable: true}}, 0, errImplausible},
		"the unit changes":                {[]any{still, still, devices.Reading{Weight: 5e6, Decimals: 3, Unit: "g", Stable: true}}, 1400 * time.Millisecond, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rule := settling{Span: time.Second, Every: 200 * time.Millisecond, Within: 5 * time.Second}
				start := time.Now()
				r, err := rule.settle(t.Context(), &tape{show: tc.show}, time.Now)
				if !errors.Is(err, tc.err) {
					t.Fatalf("got %v, want %v", err, tc.err)
				}
				if took := time.Since(start); err == nil && (took != tc.took || r.Weight == 0) {
					t.Errorf("%s after %s, want it after %s", r.Weight, took, tc.took)
				}
			})
		})
	}
}

func TestWeighingTellsItsOwnEndFromAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errCancelled) })
		rule := settling{Span: time.Second, Every: 200 * time.Millisecond, Within: 5 * time.Second}
		if _, err := rule.settle(ctx, &tape{show: []any{grams2(5, false)}}, time.Now); !errors.Is(err, errCancelled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTwoWeightsArePlausible(t *testing.T) {
	at := func(g float64, change func(*Weighed)) Weighed {
		w := Weighed{Reading: grams2(g, true), session: session{number: 1, id: devices.Identity{Serial: "S1"}}}
		if change != nil {
			change(&w)
		}
		return w
	}
	before := at(5, nil)
	for name, tc := range map[string]struct {
		after  Weighed
		moved  measure.Volume
		pumped bool
		want   string
	}{
		"as it should be":              {at(11.36, nil), 6000, true, ""},
		"half of it is missing":        {at(8, nil), 6000, true, ""}, // the server compares amounts
		"nothing is there":             {at(5, nil), 6000, true, "frozen"},
		"one division more":            {at(5.01, nil), 6000, true, "frozen"},
		"two divisions more":           {at(5.02, nil), 6000, true, ""},
		"nothing for almost nothing":   {at(5, nil), 50, true, ""},
		"nothing, and nobody knows":    {at(5, nil), 0, false, ""},
		"one division less":            {at(4.99, nil), 0, false, ""},
		"two divisions less":           {at(4.98, nil), 0, false, "negative"},
		"the cup was taken":            {at(0, nil), 6000, true, "negative"},
		"as heavy as can be":           {at(5+9.6+0.5, nil), 6000, true, ""},
		"heavier than any liquid":      {at(5+9.6+0.52, nil), 6000, true, "jump"},
		"another unit":                 {at(11.36, func(w *Weighed) { w.Reading.Unit = "kg" }), 6000, true, "unit_changed"},
		"no unit":                      {at(11.36, func(w *Weighed) { w.Reading.Unit = "" }), 6000, true, "unit_changed"},
		"another number of decimals":   {at(11.36, func(w *Weighed) { w.Reading.Decimals = 3 }), 6000, true, "unit_changed"},
		"another scale":                {at(11.36, func(w *Weighed) { w.session.id.Serial = "S2" }), 6000, true, "scale_changed"},
		"the same scale, plugged anew": {at(11.36, func(w *Weighed) { w.session.number = 2 }), 6000, true, "unplugged"},
	} {
		if got := compare(before, tc.after, tc.moved, tc.pumped); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
