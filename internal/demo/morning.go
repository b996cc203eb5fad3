package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lieu-clinic/lieu/internal/id"
	"github.com/lieu-clinic/lieu/pkg/clinicapi"
)

// Scanner holds a card under the scanner of the window. The attendant of the simulated bench puts an empty cup on the
// pan, and takes a full one away when a card is scanned.
type Scanner interface {
	Scan(code string) error
}

// Morning is a morning at one window that runs by itself, over the public interface and the simulated bench.
type Morning struct {
	Nurse   *Client
	Scanner Scanner
	Station string // id
	Now     func() time.Time
	Out     io.Writer
	// Progress is called after each patient; nil for nobody.
	Progress func(done, of int)
}

// Summary is what a morning came to.
type Summary struct {
	Doses    int
	Sent     int // sent away by a rule
	Failed   int // neither: the bench or the network had its say
	Took     time.Duration
	Refusals map[string]int // by rule; a patient may be refused by several
	// Seconds at the window per dose, sorted.
	Seconds []float64
}

// measureWithin bounds the wait for a pour: the largest dose at a slow pump, and the settling of the scale.
const measureWithin = 2 * time.Minute

// Run serves up to n of those who are due and have not come. It stops early, with what it has, when ctx ends.
func (m *Morning) Run(ctx context.Context, n int) (Summary, error) {
	sum := Summary{Refusals: map[string]int{}}
	start := m.Now()
	due, err := m.due(ctx)
	if err != nil {
		return sum, err
	}
	due = due[:min(n, len(due))]
	for i, code := range due {
		if err := m.serve(ctx, code, &sum); err != nil {
			if ctx.Err() != nil {
				break
			}
			sum.Failed++
			fmt.Fprintf(m.Out, "%s: %v\n", code, err)
		}
		if m.Progress != nil {
			m.Progress(i+1, len(due))
		}
	}
	sum.Took = m.Now().Sub(start)
	slices.Sort(sum.Seconds)
	return sum, nil
}

// due lists the cards of those who wait and those still to come, in that order.
func (m *Morning) due(ctx context.Context) ([]string, error) {
	r, err := m.Nurse.ReadQueueWithResponse(ctx)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	queue, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	var codes []string
	for _, t := range queue.Waiting {
		codes = append(codes, t.PatientCode)
	}
	for _, e := range queue.Coming {
		codes = append(codes, e.Code)
	}
	return codes, nil
}

// serve takes one patient from the door to the swallow.
func (m *Morning) serve(ctx context.Context, card string, sum *Summary) error {
	in, err := m.checkIn(ctx, card)
	if err != nil {
		return err
	}
	if !in.Decision.Allowed {
		sum.refused(in.Decision.Refusals)
		return m.sendAway(ctx, in.Ticket.Id)
	}
	if err := m.call(ctx, in.Ticket.Id); err != nil {
		return err
	}
	began := m.Now()
	if err := m.dose(ctx, card, in.Ticket.Patient); err != nil {
		var problem *Problem
		if !errors.As(err, &problem) || len(problem.Refusals) == 0 {
			return err
		}
		sum.refused(problem.Refusals)
		return m.sendAway(ctx, in.Ticket.Id)
	}
	sum.Doses++
	sum.Seconds = append(sum.Seconds, m.Now().Sub(began).Seconds())
	return nil
}

func (m *Morning) checkIn(ctx context.Context, card string) (*clinicapi.CheckedIn, error) {
	r, err := m.Nurse.CheckInWithResponse(ctx, clinicapi.CheckIn{Code: card})
	if err != nil {
		return nil, fmt.Errorf("check-in: %w", err)
	}
	in, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
	if err != nil {
		return nil, fmt.Errorf("check-in: %w", err)
	}
	return in, nil
}

func (m *Morning) call(ctx context.Context, ticket string) error {
	r, err := m.Nurse.CallTicketWithResponse(ctx, ticket, clinicapi.AtStation{Station: m.Station})
	if err != nil {
		return fmt.Errorf("call: %w", err)
	}
	if _, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse); err != nil {
		return fmt.Errorf("call: %w", err)
	}
	return nil
}

func (m *Morning) sendAway(ctx context.Context, ticket string) error {
	r, err := m.Nurse.TicketDoneWithResponse(ctx, ticket)
	if err != nil {
		return fmt.Errorf("send away: %w", err)
	}
	if _, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse); err != nil {
		return fmt.Errorf("send away: %w", err)
	}
	return nil
}

// dose is the work at the window: the card, the pour, the card again, the swallow.
func (m *Morning) dose(ctx context.Context, card, patient string) error {
	if err := m.Scanner.Scan(card); err != nil {
		return err
	}
	key := id.New[string]()
	begun, err := m.Nurse.BeginDispensingWithResponse(ctx, clinicapi.BeginDispensing{Id: key, Patient: patient, Station: m.Station})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if _, err := answer(begun.JSON201, begun.ApplicationproblemJSONDefault, begun.HTTPResponse); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := m.measured(ctx, key); err != nil {
		return err
	}
	if err := m.Scanner.Scan(card); err != nil {
		return err
	}
	handed, err := m.Nurse.HandOverWithResponse(ctx, key, clinicapi.HandOver{Code: card})
	if err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	if _, err := answer(handed.JSON200, handed.ApplicationproblemJSONDefault, handed.HTTPResponse); err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	taken, err := m.Nurse.TakenWithResponse(ctx, key)
	if err != nil {
		return fmt.Errorf("taken: %w", err)
	}
	if _, err := answer(taken.JSON200, taken.ApplicationproblemJSONDefault, taken.HTTPResponse); err != nil {
		return fmt.Errorf("taken: %w", err)
	}
	return nil
}

// measured waits until the counter has reported the cup.
func (m *Morning) measured(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, measureWithin, errors.New("the cup was not measured in time"))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		r, err := m.Nurse.ReadDispensingWithResponse(ctx, key)
		if err != nil {
			return fmt.Errorf("dispensing %s: %w", key, err)
		}
		d, err := answer(r.JSON200, r.ApplicationproblemJSONDefault, r.HTTPResponse)
		if err != nil {
			return fmt.Errorf("dispensing %s: %w", key, err)
		}
		switch d.State {
		case "reserved", "dispensing":
		case "measured":
			return nil
		default:
			return fmt.Errorf("dispensing %s is %s", key, d.State)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("dispensing %s: %w", key, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (s *Summary) refused(reasons []clinicapi.Reason) {
	s.Sent++
	for _, r := range reasons {
		s.Refusals[r.Rule]++
	}
}

// String tells the summary in a few lines.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d doses in %s", s.Doses, s.Took.Round(time.Second))
	if n := len(s.Seconds); n > 0 {
		fmt.Fprintf(&b, "; at the window %.1f s (median), %.1f s (longest)", s.Seconds[n/2], s.Seconds[n-1])
	}
	fmt.Fprintf(&b, "; %d sent to the doctor by a rule", s.Sent)
	if s.Failed > 0 {
		fmt.Fprintf(&b, "; %d not finished", s.Failed)
	}
	for _, rule := range slices.Sorted(maps.Keys(s.Refusals)) {
		fmt.Fprintf(&b, "\n  %-22s %d", rule, s.Refusals[rule])
	}
	return b.String()
}
