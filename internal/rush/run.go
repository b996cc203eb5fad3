package rush

import (
	"context"
	"fmt"
	"time"
)

// Stage is how far a visit has come.
type Stage int

// The stages, in the order of a visit.
const (
	ToCome   Stage = iota
	Arrived        // at the door
	Called         // to a window; the window is theirs from now on
	AtWindow       // stepped up
	Begun          // identified, and the dose begun
	Poured         // the liquid began to move
	Measured       // the cup was weighed
	Handed         // the cup was given
	Left           // swallowed, and the visit ended
	stages
)

// after holds when each stage of a service is reached, in thousandths of it. The parts follow the time budget of a dose at
// the window: the walk, the card, the look, the pour that overlaps it, the cup, the swallow.
var after = [stages]int64{AtWindow: 120, Begun: 200, Poured: 220, Measured: 450, Handed: 600, Left: 1000}

// Visit is what became of one person. At holds when each stage was reached, up to and with Reached.
type Visit struct {
	Window  int
	Reached Stage
	At      [stages]time.Duration
}

// Wait is how long the person waited before stepping up to a window, or has waited until now.
func (v Visit) Wait(now time.Duration) time.Duration {
	if v.Reached >= AtWindow {
		now = v.At[AtWindow]
	}
	return now - v.At[Arrived]
}

// Queued is how long the person stood in the line, without the walk to the window: what theory calls the wait.
func (v Visit) Queued() time.Duration { return v.At[Called] - v.At[Arrived] }

// Floor is where a morning happens. Each method is called at a time since the opening that never goes back.
type Floor interface {
	// Arrive puts a person into the line.
	Arrive(ctx context.Context, who int, at time.Duration) error
	// Call decides who of those in the line comes to a window next. It is asked only while somebody waits.
	Call(ctx context.Context, window int, at time.Duration) (who int, err error)
	// Act takes a person at a window to a stage from AtWindow on.
	Act(ctx context.Context, window, who int, to Stage, at time.Duration) error
}

// Watcher is a floor that wants to look at the morning from time to time.
type Watcher interface {
	// Look is called before whatever else happens at that time, and once more when everything is over. The visits are
	// lent for the length of the call.
	Look(ctx context.Context, at time.Duration, visits []Visit) error
}

// lookEvery is how often a Watcher looks, counted from the opening.
const lookEvery = 10 * time.Minute

// post is a window: who stands there, and what happens next and when.
type post struct {
	who  int // -1 for nobody
	next Stage
	at   time.Duration
	from time.Duration // of the call
	idle bool
}

// morning is a plan on its way.
type morning struct {
	Plan
	floor   Floor
	visits  []Visit
	posts   []post
	waiting int
	come    int           // of the people
	look    time.Duration // the next
	last    time.Duration
}

// Run lets a plan happen on a floor, and returns what became of everybody, in the order of the people. Windows open at
// zero, even when somebody stands there before.
func (p Plan) Run(ctx context.Context, f Floor) ([]Visit, error) {
	m := &morning{Plan: p, floor: f, visits: make([]Visit, len(p.People)), posts: make([]post, p.Windows)}
	for i := range m.posts {
		m.posts[i].who = -1
	}
	for {
		at, window := m.earliest()
		if window < 0 && m.come == len(p.People) {
			return m.visits, m.watch(ctx, m.last)
		}
		if err := m.lookUntil(ctx, at); err != nil {
			return m.visits, err
		}
		if err := m.step(ctx, window, at); err != nil {
			return m.visits, err
		}
		m.last = at
	}
}

// earliest finds what happens next: something at a window, or the next arrival with a window of -1.
func (m *morning) earliest() (at time.Duration, window int) {
	window = -1
	if m.come < len(m.People) {
		at = m.People[m.come].Arrives
	}
	for i, w := range m.posts {
		if !w.idle && (window < 0 && m.come == len(m.People) || w.at < at || w.at == at && window < 0) {
			at, window = w.at, i
		}
	}
	return at, window
}

func (m *morning) lookUntil(ctx context.Context, at time.Duration) error {
	for ; m.look <= at; m.look += lookEvery {
		if err := m.watch(ctx, m.look); err != nil {
			return err
		}
	}
	return nil
}

func (m *morning) watch(ctx context.Context, at time.Duration) error {
	w, ok := m.floor.(Watcher)
	if !ok {
		return nil
	}
	return w.Look(ctx, at, m.visits)
}

func (m *morning) step(ctx context.Context, window int, at time.Duration) error {
	var err error
	if window < 0 {
		err = m.arrive(ctx, at)
	} else {
		err = m.act(ctx, window, at)
	}
	for i := 0; err == nil && i < len(m.posts) && m.waiting > 0; i++ {
		if m.posts[i].idle {
			err = m.call(ctx, i, at)
		}
	}
	return err
}

func (m *morning) arrive(ctx context.Context, at time.Duration) error {
	who := m.come
	m.come++
	m.waiting++
	m.visits[who] = Visit{Window: -1, Reached: Arrived}
	m.visits[who].At[Arrived] = at
	if err := m.floor.Arrive(ctx, who, at); err != nil {
		return fmt.Errorf("patient %d arrives at %s: %w", who+1, at, err)
	}
	return nil
}

func (m *morning) call(ctx context.Context, window int, at time.Duration) error {
	who, err := m.floor.Call(ctx, window, at)
	if err != nil {
		return fmt.Errorf("window %d calls at %s: %w", window+1, at, err)
	}
	if who < 0 || who >= len(m.visits) || m.visits[who].Reached != Arrived {
		return fmt.Errorf("window %d was given patient %d at %s, who does not wait", window+1, who+1, at)
	}
	m.waiting--
	v := &m.visits[who]
	v.Window, v.Reached, v.At[Called] = window, Called, at
	m.posts[window] = post{who: who, from: at}
	m.plan(window, AtWindow)
	return nil
}

// plan sets when the person at a window reaches a stage.
func (m *morning) plan(window int, to Stage) {
	w := &m.posts[window]
	part := m.People[w.who].Service * time.Duration(after[to]) / 1000
	w.next, w.at = to, w.from+part.Truncate(time.Microsecond)
}

func (m *morning) act(ctx context.Context, window int, at time.Duration) error {
	w := &m.posts[window]
	if w.who < 0 { // the clinic opens
		w.idle = true
		return nil
	}
	v := &m.visits[w.who]
	v.Reached, v.At[w.next] = w.next, at
	if err := m.floor.Act(ctx, window, w.who, w.next, at); err != nil {
		return fmt.Errorf("patient %d at window %d, stage %d at %s: %w", w.who+1, window+1, w.next, at, err)
	}
	if w.next == Left {
		*w = post{who: -1, idle: true}
		return nil
	}
	m.plan(window, w.next+1)
	return nil
}
