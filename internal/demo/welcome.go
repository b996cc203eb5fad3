package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lieu-clinic/lieu/internal/prescription"
	"github.com/lieu-clinic/lieu/pkg/measure"
)

// Live is what the programs need to know of the window with the simulated counter.
type Live struct {
	Station string         // id
	Density string         // of the liquid in its bottle, g/mL
	Left    measure.Volume // in its bottle by the book
	Cards   []Card         // worth trying
}

// Card is a card to try, and what it shows.
type Card struct{ Code, Name, Shows string }

// Live reads the live window after the story was told.
func (s *Story) Live(ctx context.Context) (Live, error) {
	ch, err := s.chapter(ctx, s.sites()[0])
	if err != nil {
		return Live{}, err
	}
	for _, st := range ch.stalls {
		if st.live {
			return Live{
				Station: string(st.ID), Left: st.left, Cards: ch.cards(),
				Density: fmt.Sprintf("%d.%06d", st.density/measure.GramPerMillilitre, st.density%measure.GramPerMillilitre),
			}, nil
		}
	}
	return Live{}, fmt.Errorf("clinic 1 has no window %s", LiveWindow)
}

// cards picks one patient for each thing that a newcomer should see, the plainest last in the story's order.
func (ch *chapter) cards() []Card {
	kinds := []struct {
		shows string
		is    func(f *file) bool
	}{
		{"a plain dose", func(f *file) bool { return f.plain() && f.Parts == 1 && f.Dose <= 60*measure.Milligram }},
		{"another, above 120 mg", func(f *file) bool { return f.plain() && f.Parts == 1 && f.Dose > 120*measure.Milligram }},
		{"a day's dose in two parts", func(f *file) bool { return f.plain() && f.Parts == 2 }},
		{"a hold that stops, for the doctor to lift", func(f *file) bool {
			return f.Away == 0 && f.Hold != nil && f.Hold.Severity == prescription.Stop
		}},
		{"an order that ran out", func(f *file) bool { return f.Lapsed }},
		{"four or more days missed: to the doctor", func(f *file) bool { return f.Away >= 4 }},
	}
	var cards []Card
	for _, k := range kinds {
		for _, f := range ch.files {
			if k.is(f) {
				cards = append(cards, Card{f.Code, f.Patient.Name, k.shows})
				break
			}
		}
	}
	return cards
}

func (f *file) plain() bool { return f.Away == 0 && f.Hold == nil && !f.Lapsed }

// welcome tells a newcomer where to look.
func (r *run) welcome() {
	var b strings.Builder
	fmt.Fprintf(&b, "\nLieu is open at %s   (a fictional province; nothing here is real)\n\n", r.url)
	fmt.Fprintf(&b, "Sign in with one of these names, the password %s and, to sign or to witness, the PIN %s:\n", Password, PIN)
	for _, p := range posts {
		fmt.Fprintf(&b, "  %-12s %s\n", p.username, p.name)
	}
	fmt.Fprintf(&b, "The other four clinics have the same people as %s, %s, …\n\n", Username(2, "nurse"), Username(3, "nurse"))
	fmt.Fprintf(&b, "As nurse, open the window %q. Hold a card under its scanner with the panel of the bench on\n", LiveWindow)
	fmt.Fprintf(&b, "that page, or from another terminal:\n  %s bench --dir %s scan %s\n\nCards to try:\n",
		shown(filepath.Join(r.Programs, "counterd")), shown(r.bench), r.firstCard())
	for _, c := range r.live.Cards {
		fmt.Fprintf(&b, "  %s  %-22s %s\n", c.Code, c.Name, c.Shows)
	}
	fmt.Fprintf(&b, "\nEverything it keeps, logs too, is in %s. Ctrl-C ends it; the next start goes on from here.", shown(r.Dir))
	r.say("%s", b.String())
}

func (r *run) firstCard() string {
	if len(r.live.Cards) == 0 {
		return "CODE"
	}
	return r.live.Cards[0].Code
}

// shown shortens a path below the working directory.
func shown(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	short, err := filepath.Rel(here, path)
	if err != nil || strings.HasPrefix(short, "..") {
		return path
	}
	return short
}
